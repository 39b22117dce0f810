# Ask a service from the user's side. Arguments go to the probe program as they are.
command -v python3 >/dev/null || fail "python3 is missing at the user's side: apt-get install python3"
exec python3 -u -c "$(given)" "$@"
