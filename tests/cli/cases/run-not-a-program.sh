mkdir folder
: > text
rktrace run -- ./folder; echo "$?"
as_nobody rktrace run -- ./text; echo "$?"
