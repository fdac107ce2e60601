"""What `toolyard aws` does: release, templates, stack, groups; boto3 is loaded by `account.py` only."""
