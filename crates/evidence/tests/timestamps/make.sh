#!/usr/bin/env bash
# Makes the tokens beside this file with openssl: those of `good-*` by its own authority (`openssl ts`), the others as that authority
# would not, by signing the same content (`openssl cms`) with a certificate that does not do. Judged at their own
# time, they stay what they are; run again only to add one.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
cd "$WORK"
quiet() { "$@" >log 2>&1 || { cat log; exit 1; }; }

cat >conf <<'EOF'
[ca]
default_ca = own
[own]
new_certs_dir = .
database = index
serial = serial
policy = any
default_md = sha256
unique_subject = no
[any]
commonName = supplied
organizationName = optional
[req]
distinguished_name = dn
prompt = no
[dn]
[root]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[below]
basicConstraints = critical, CA:true, pathlen:0
keyUsage = critical, keyCertSign
[deep]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[idle]
basicConstraints = critical, CA:true
keyUsage = critical, digitalSignature
[stamp]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
subjectKeyIdentifier = hash
[no_usage]
basicConstraints = critical, CA:false
[loose]
extendedKeyUsage = timeStamping
[two]
extendedKeyUsage = critical, timeStamping, codeSigning
[mute]
keyUsage = critical, keyAgreement
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = own_tsa
[own_tsa]
serial = tsa_serial
crypto_device = builtin
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
accuracy = secs:1
other_policies = 1.2.3.4.2
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
EOF
: >index
echo 01 >serial
echo 01 >tsa_serial

key() { case $2 in rsa) quiet openssl genrsa -out "$1.key" 2048 ;; *) quiet openssl ecparam -name "$2" -genkey -noout -out "$1.key" ;; esac; }
# certificate NAME KIND EXTENSIONS ISSUER [FROM TO]
certificate() {
  key "$1" "$2"
  quiet openssl req -new -key "$1.key" -subj "/O=Example Time/CN=$1" -config conf -out "$1.csr"
  quiet openssl ca -batch -config conf -in "$1.csr" -out "$1.pem" -notext -extensions "$3" -cert "$4.pem" -keyfile "$4.key" \
    -startdate "${5:-20260101000000Z}" -enddate "${6:-20460101000000Z}"
}
key root secp384r1
quiet openssl req -x509 -new -key root.key -sha384 -subj "/O=Example Time/CN=root" -config conf -extensions root -days 7300 -out root.pem
key other prime256v1
quiet openssl req -x509 -new -key other.key -subj "/O=Other/CN=other" -config conf -extensions root -days 7300 -out other.pem
certificate below rsa below root
certificate deep prime256v1 deep below
certificate idle prime256v1 idle root

cp "$HERE/note" note
# The request that `TimestampRequest` writes for the nonce `ABCDEFGH`, which openssl must read as that.
{
  printf '\x30\x43\x02\x01\x01\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20'
  openssl dgst -sha256 -binary note
  printf '\x02\x08ABCDEFGH\x01\x01\xff'
} >note.tsq
openssl ts -query -in note.tsq -text >asked
grep -q "Nonce: 0x4142434445464748" asked && grep -q "Certificate required: yes" asked
cp note.tsq "$HERE/request.tsq"
# good NAME KIND DIGEST
good() {
  certificate "$1" "$2" stamp below
  cat below.pem root.pem >chain.pem
  quiet openssl ts -reply -config conf -queryfile note.tsq -signer "$1.pem" -inkey "$1.key" -chain chain.pem "-$3" -out "$1.reply"
  quiet openssl ts -reply -in "$1.reply" -token_out -out "$HERE/$1.tst"
}
good good-rsa rsa sha256
good good-rsa-512 rsa sha512
good good-p256 prime256v1 sha256
cp good-p256.reply "$HERE/good-p256.tsr"
good good-p384 secp384r1 sha384
openssl cms -verify -noverify -inform DER -in "$HERE/good-p256.tst" -binary -out content >log 2>&1 || { cat log; exit 1; }

# signed NAME SIGNER [OPTION…]: the same content, signed by hand.
signed() {
  local name=$1 signer=$2
  shift 2
  quiet openssl cms -sign -binary -nodetach -cades -nosmimecap -outform DER -in content -econtent_type 1.2.840.113549.1.9.16.1.4 \
    -signer "$signer.pem" -inkey "$signer.key" -md sha256 "$@" -out "$HERE/$name.tst"
}
certificate hand prime256v1 stamp below
signed good-by-hand hand -certfile below.pem
signed bad-no-chain hand
signed good-by-key-id hand -certfile below.pem -keyid
for name in no_usage loose two mute; do
  certificate "$name" prime256v1 "$name" below
  signed "bad-$name" "$name" -certfile below.pem
done
certificate expired prime256v1 stamp below 20260101000000Z 20260201000000Z
signed bad-expired expired -certfile below.pem
certificate early prime256v1 stamp below 20450101000000Z 20460101000000Z
signed bad-early early -certfile below.pem
# An authority that refuses: the request names no policy it knows.
quiet openssl ts -query -data note -sha256 -tspolicy 1.2.3.4.9 -out strange.tsq
quiet openssl ts -reply -config conf -queryfile strange.tsq -signer good-p256.pem -inkey good-p256.key -sha256 -out "$HERE/refused.tsr"
certificate far prime256v1 stamp deep
cat below.pem deep.pem >both.pem
signed bad-too-deep far -certfile both.pem
certificate lazy prime256v1 stamp idle
signed bad-idle lazy -certfile idle.pem
signed bad-authority below
signed bad-sha1 hand -certfile below.pem -md sha1
certificate p521 secp521r1 stamp below
signed bad-p521 p521 -certfile below.pem
quiet openssl cms -sign -binary -nodetach -nosmimecap -outform DER -in content -econtent_type 1.2.840.113549.1.9.16.1.4 \
  -signer hand.pem -inkey hand.key -md sha256 -certfile below.pem -out "$HERE/bad-unnamed.tst"
quiet openssl cms -sign -binary -nodetach -cades -nosmimecap -outform DER -in content -econtent_type 1.2.840.113549.1.9.16.1.4 \
  -signer hand.pem -inkey hand.key -signer far.pem -inkey far.key -md sha256 -certfile both.pem -out "$HERE/bad-two-signers.tst"
# The key of an authority that tests run by themselves (`testkit::Authority`), as the number it is, and its certificate.
certificate own prime256v1 stamp root
openssl ec -in own.key -noout -text 2>/dev/null | awk '/^priv:/ { on = 1; next } /^pub:/ { on = 0 } on' | tr -d ' :\n' >"$HERE/own.hex"
openssl x509 -in own.pem -outform DER -out "$HERE/own.der"
cp root.pem "$HERE/root.pem"
cp other.pem "$HERE/other.pem"
ls -l "$HERE"
