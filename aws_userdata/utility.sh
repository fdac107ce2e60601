# shellcheck shell=bash
# Utility: relay, reaper, scaler, archiver and notifier.
prepare_machine util-linux
release_from_store
install_release

service utility toolyard 30 "$PYTHON" -m utility
ship_logs
# It says so once its loops run; a wrong setting or secret ends it before.
wait_until 300 log_has utility_ready ||
    { say "utility is not ready; see /var/log/toolyard or the journal"; exit 1; }
signal_ready
say "utility is ready"
