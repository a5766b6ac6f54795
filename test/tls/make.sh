#!/usr/bin/env bash
# Makes the certificates of test/tls anew, valid from 2020 to 2120 (openssl 3); the keys of the CAs are thrown away.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dates=(-startdate 20200101000000Z -enddate 21200101000000Z)

key() { openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1"; }
# selfsign FILE KEY SUBJECT EXTENSIONS
selfsign() {
  openssl req -new -key "$2" -subj "$3" -out "$work/csr"
  printf '%b' "$4" >"$work/ext"
  openssl ca -batch -notext -config "$work/ca.cnf" -selfsign -keyfile "$2" -in "$work/csr" -out "$1" \
    -extfile "$work/ext" "${dates[@]}" 2>/dev/null
}
# issue FILE KEY SUBJECT NAMES [DATES...]
issue() {
  openssl req -new -key "$2" -subj "$3" -out "$work/csr"
  printf 'subjectAltName=%s\nbasicConstraints=critical,CA:FALSE\n' "$4" >"$work/ext"
  openssl ca -batch -notext -config "$work/ca.cnf" -keyfile "$work/ca.key" -cert ca.crt -in "$work/csr" -out "$1" \
    -extfile "$work/ext" "${@:5}" 2>/dev/null
}

cat >"$work/ca.cnf" <<CNF
[ca]
default_ca = own
[own]
database = $work/index
new_certs_dir = $work
serial = $work/serial
crlnumber = $work/crlnumber
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
CNF
: >"$work/index"
echo 01 >"$work/serial"
echo 01 >"$work/crlnumber"

authority='basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n'
for name in ca other-ca; do
  key "$work/$name.key"
  selfsign $name.crt "$work/$name.key" "/CN=pgtrail $name" "$authority"
done
key server.key
key client.key
issue server.crt server.key /CN=localhost DNS:localhost,DNS:db.example "${dates[@]}"
issue expired.crt server.key /CN=localhost DNS:localhost -startdate 20200101000000Z -enddate 20210101000000Z
issue client.crt client.key /CN=certified DNS:client.example "${dates[@]}"
selfsign self-signed.crt server.key /CN=localhost 'subjectAltName=DNS:localhost\n'
openssl pkcs8 -topk8 -in client.key -passout pass:opensesame -out client-encrypted.key
openssl ca -config "$work/ca.cnf" -keyfile "$work/ca.key" -cert ca.crt -revoke server.crt 2>/dev/null
openssl ca -config "$work/ca.cnf" -keyfile "$work/ca.key" -cert ca.crt -gencrl \
  -crl_lastupdate 20200101000000Z -crl_nextupdate 21200101000000Z -out revoked.crl 2>/dev/null
for file in *.key; do
  printf '%s\n' "A key for the tests of pgtrail, made by make.sh: public, worth nothing." | cat - "$file" >"$work/key"
  cp "$work/key" "$file"
done
