# End a live migration that still goes on, and wait until it has ended. Arguments: migration, service.
ID=$1 SERVICE=$2
[ "$(domain_state "$SERVICE")" != ABSENT ] || exit 0
no_job() { virsh -q domjobinfo "$SERVICE" 2>/dev/null | grep -q 'Job type: *None' || domain_is_gone "$SERVICE"; }
no_job && exit 0
virsh -q domjobabort "$SERVICE" >/dev/null 2>&1 || true
wait_for 20 no_job || fail "the live migration of $SERVICE does not end"
# its last word: whether the target's libvirt took over after all
sleep 0.5
