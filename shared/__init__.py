"""What two services or more use today: ports, their adapters, events, tables."""
