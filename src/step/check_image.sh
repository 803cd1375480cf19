# Runs inside a throwaway container: $1 is node, $2 OpenClaw's package, $3 all its modules. A line a finding, then the two versions.
for program in sh find ldd; do
    command -v "$program" > /dev/null || echo "program $program"
done
{ echo "$1"; find "$3" -name '*.node' -type f; } | while IFS= read -r file; do
    ldd "$file" 2> /dev/null | while read -r library arrow found; do
        [ "$arrow $found" != "=> not found" ] || echo "library $library $file"
    done
done
echo "node $("$1" --version 2> /dev/null)"
echo "openclaw $("$1" "$2/openclaw.mjs" --version 2> /dev/null)"
