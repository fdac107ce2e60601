"""The shape on AWS: templates, what they make on an emulator, user data, `toolyard aws`."""
