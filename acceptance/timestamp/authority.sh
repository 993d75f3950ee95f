# Sourced by acceptance/timestamp.sh: an authority of openssl's, with the certificates it needs and some that do not do.

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
[stamp]
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[plain]
basicConstraints = critical, CA:false
[tsa]
default_tsa = own_tsa
[own_tsa]
serial = tsa_serial
crypto_device = builtin
default_policy = 1.2.3.4.1
other_policies = 1.2.3.4.2
digests = sha256, sha384, sha512
accuracy = millisecs:500
clock_precision_digits = 3
tsa_name = yes
ess_cert_id_alg = sha256
EOF
: >index
echo 01 >serial
echo 01 >tsa_serial
quiet() { "$@" >quiet.log 2>&1 || { cat quiet.log; return 1; }; }

# certificate NAME KIND EXTENSIONS ISSUER [FROM TO]
key() { case $2 in rsa*) quiet openssl genrsa -out "$1.key" "${2#rsa}" ;; *) quiet openssl ecparam -name "$2" -genkey -noout -out "$1.key" ;; esac; }
certificate() {
  key "$1" "$2"
  quiet openssl req -new -key "$1.key" -subj "/CN=$1" -config conf -out "$1.csr"
  quiet openssl ca -batch -config conf -in "$1.csr" -out "$1.pem" -notext -extensions "$3" -cert "$4.pem" -keyfile "$4.key" \
    -startdate "${5:-20200101000000Z}" -enddate "${6:-20600101000000Z}"
}
# The certificates stand in the token as openssl was handed them, and rfc3161-client wants them in DER's order: the longer
# one, which a root with a long key has signed, must be the last.
for name in root strange; do
  key $name rsa4096
  quiet openssl req -x509 -new -key $name.key -sha384 -subj "/CN=$name" -config conf -extensions root -days 3650 -out $name.pem
done
certificate below prime256v1 below root
certificate authority rsa2048 stamp below
certificate curve prime256v1 stamp below
certificate stranger prime256v1 stamp strange
certificate plain prime256v1 plain below
certificate expired prime256v1 stamp below 20200101000000Z 20210101000000Z

# reply QUERY ANSWER [SIGNER]: as openssl's own authority answers.
reply() {
  local signer=${3:-authority}
  quiet openssl ts -reply -config conf -queryfile "$1" -signer "$signer.pem" -inkey "$signer.key" -chain below.pem -sha256 -out "$2"
}

# reply_by_hand QUERY ANSWER SIGNER: what that authority would not sign, signed all the same.
reply_by_hand() {
  reply "$1" by_hand.reply
  quiet openssl ts -reply -in by_hand.reply -token_out -out by_hand.token
  quiet openssl cms -verify -noverify -inform DER -in by_hand.token -binary -out by_hand.content
  quiet openssl cms -sign -binary -nodetach -cades -nosmimecap -outform DER -in by_hand.content -econtent_type 1.2.840.113549.1.9.16.1.4 \
    -signer "$3.pem" -inkey "$3.key" -md sha256 -certfile below.pem -out by_hand.token
  granted by_hand.token >"$2"
}

# granted TOKEN: the response that grants it.
granted() {
  python3 -c '
import sys
def tlv(tag, data):
    size = len(data)
    head = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + head + data
sys.stdout.buffer.write(tlv(0x30, bytes.fromhex("3003020100") + open(sys.argv[1], "rb").read()))' "$1"
}
