# Give a container a share of the processor time that it uses now, so that it changes less memory than the link carries. What it had is
# written down, and given back before it is saved, or when the migration's connection is closed. Arguments: migration, service, percent.
ID=$1 SERVICE=$2 PERCENT=$3
given_back=$MEC/migrations/$ID/cpu-limit
group=$("group_of_$TECHNOLOGIES" "$SERVICE" cpu)
[ -n "$group" ] || fail "$SERVICE does not run here"
if has_cgroup2; then file=$group/cpu.max; else file=$group/cpu.cfs_quota_us; fi
[ -e "$given_back" ] || printf '%s\n%s\n' "$file" "$(cat "$file")" >"$given_back"
counter=$("group_of_$TECHNOLOGIES" "$SERVICE" cpuacct) # with version 1 it may lie elsewhere
used_us() { if has_cgroup2; then sed -n 's/^usage_usec //p' "$counter/cpu.stat"; else echo $(($(cat "$counter/cpuacct.usage") / 1000)); fi; }
before=$(used_us)
sleep 0.5
quota=$((($(used_us) - before) * PERCENT / 500)) # in a period of 100 ms
[ $quota -ge 1000 ] || quota=1000 # the kernel takes no less
if has_cgroup2; then echo "$quota 100000" >"$file"; else echo 100000 >"$group/cpu.cfs_period_us" && echo $quota >"$file"; fi
echo "quota_us=$quota"
