#!/bin/sh
# After a passed run on the main branch: this commit becomes what staging runs. Wants AWS credentials
# that live for this job only (a role that trusts the CI by OIDC) and AWS_DEFAULT_REGION; what the stack
# was told with --set before stays as it is. Production is a person's `toolyard aws promote`.
set -eu
cd "$(dirname "$0")/.."

scripts/setup.sh runtime
.venv/bin/toolyard aws deploy --stage staging
.venv/bin/toolyard aws status --stage staging
