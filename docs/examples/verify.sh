#!/bin/sh
# Verify a customer as a backend does: verify.sh EMAIL [PURPOSE REFERENCE]. URL and KEY are in the
# environment. The code is read from standard input.
set -eu

# The key comes over standard input, so that no list of processes shows it.
call() {
  printf 'header = "Authorization: Bearer %s"' "$KEY" |
    curl --config - --silent --show-error --fail-with-body --max-time 15 \
      --header 'Content-Type: application/json' --data "$2" "$URL$1"
}

label=$(printf '"purpose": "%s", "reference": "%s"' "${2-}" "${3-}")
challenge=$(call /challenge "{\"email\": \"$1\", $label}") || { echo "$challenge"; exit 1; }
id=$(printf %s "$challenge" | sed 's/.*"challenge_id":"\([^"]*\)".*/\1/')
echo 'The code that was sent:' >&2
read -r code
call /verify "{\"challenge_id\": \"$id\", \"code\": \"$code\", $label}"
