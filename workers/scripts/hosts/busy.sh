# How busy this host's processors are, in percent of all of them, over one second.
cpu_times() { awk '/^cpu /{idle = $5 + $6; for (i = 2; i <= 9; i++) all += $i; print idle, all}' /proc/stat; }
before=$(cpu_times)
sleep 1
echo "$before $(cpu_times)" | awk '{print "busy_percent=" int(100 * (1 - ($3 - $1) / ($4 - $2)))}'
