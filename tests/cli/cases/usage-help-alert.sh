# Every action of a verb says what it takes.
for action in export list test watch; do
  rktrace alert $action --help
  echo
done
