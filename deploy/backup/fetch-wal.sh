#!/bin/sh
# PostgreSQL's restore_command: fetch-wal.sh <archive> <spool> <identity> %f %p
# Takes a segment from the encrypted archive; the last ones, that were not sealed yet, from the spool. Exit code 1 tells
# PostgreSQL that there is no more; one above 125, that recovery must not go on without what is there and unreadable
# (PostgreSQL manual, "Continuous Archiving").
set -u
archive=$1 spool=$2 identity=$3 name=$4 target=$5

unusable() {
  echo "fetch-wal: $1" >&2
  exit 126
}

for file in "$archive/$name.age" "$spool/$name" "$spool/$name.partial"; do
  [ -e "$file" ] || continue
  [ -r "$file" ] || unusable "$file cannot be read by $(id -un)"
  case $file in
    *.age) age --decrypt --identity "$identity" --output "$target" "$file" || unusable "$file cannot be decrypted" ;;
    *) cp "$file" "$target" || unusable "$file cannot be copied" ;;
  esac
  exit 0
done
exit 1
