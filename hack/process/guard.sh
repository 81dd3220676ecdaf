#!/bin/sh
# Ends processes and removes folders when whoever holds the other end of stdin is gone, however it went.
#
# Lines on stdin: "process PID", "ended PID", "folder PATH", "kept PATH"; end of input means: clean up.
processes=''
folders=''
newline='
'
without() {
  printf '%s' "$1" | grep -Fxv -- "$2"
}
while IFS=' ' read -r verb value; do
  case $verb in
    process) processes=$processes$value$newline ;;
    ended) processes=$(without "$processes" "$value")$newline ;;
    folder) folders=$folders$value$newline ;;
    kept) folders=$(without "$folders" "$value")$newline ;;
  esac
done
IFS=$newline
for process in $processes; do
  kill -KILL "-$process" 2>/dev/null || kill -KILL "$process" 2>/dev/null
done
for folder in $folders; do
  rm -rf -- "$folder"
done
