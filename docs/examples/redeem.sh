#!/bin/sh
# Redeem a receipt: redeem.sh RECEIPT EMAIL [PURPOSE REFERENCE]. URL and KEY are in the environment.
# The email, the purpose and the reference are those that you expect, from your own data.
set -eu
body=$(printf '{"receipt": "%s", "email": "%s", "purpose": "%s", "reference": "%s"}' \
  "$1" "$2" "${3-}" "${4-}")
# New for each redemption and the same in its retries. Never make it from the receipt: whoever shows
# a receipt twice would get the stored answer.
once=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
# The key comes over standard input, so that no list of processes shows it.
printf 'header = "Authorization: Bearer %s"' "$KEY" |
  curl --config - --silent --show-error --fail-with-body --max-time 10 --retry 2 \
    --header 'Content-Type: application/json' --header "Idempotency-Key: $once" \
    --data "$body" "$URL/receipts/redeem"
