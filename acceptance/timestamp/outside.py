"""Holds our tokens before rfc3161-client: `outside.py ROOT BETWEEN CHECKPOINT RESPONSE…`; each must be accepted for the bytes of
the checkpoint, and refused for others and once a byte of what it says is another."""

import sys

from cryptography import x509
from rfc3161_client import VerificationError, VerifierBuilder, decode_timestamp_response

root, between = (x509.load_pem_x509_certificate(open(path, "rb").read()) for path in sys.argv[1:3])
checkpoint = open(sys.argv[3], "rb").read()
verifier = VerifierBuilder().add_root_certificate(root).add_intermediate_certificate(between).build()


def accepts(response, message):
    try:
        return verifier.verify_message(decode_timestamp_response(response), message)
    except (VerificationError, ValueError):
        return False


verdicts = 0
for path in sys.argv[4:]:
    response = open(path, "rb").read()
    assert accepts(response, checkpoint), path
    assert not accepts(response, checkpoint + b"\n"), path
    verdicts += 2
print(verdicts)
