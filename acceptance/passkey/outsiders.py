"""Holds what a bundle has of a signed vote against PyPI `webauthn` and `fido2`, each byte of it and each field of the ballot changed once too.

    outsiders.py ORIGIN BUNDLE…

Reads the bundle as the ZIP and the CBOR that it is. Prints counts as JSON.
"""

import hashlib
import json
import sys
import zipfile

from fido2 import cbor
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, PublicKeyCredentialRpEntity, UserVerificationRequirement
from webauthn import verify_authentication_response, verify_registration_response

BODY = 11
RP = "localhost"
counts = {"accepted": 0, "changed": 0, "refused": 0}


def items(name, content):
    """Returns the body of a record of a bundle, the value of its last field, if this file discloses one."""
    if name.endswith(".disclosure"):
        kind, item = cbor.decode(content)[0][BODY]
        if kind == 1 and item[1] is not None:
            yield cbor.decode(item[1])


def bodies(path):
    with zipfile.ZipFile(path) as bundle:
        for name in bundle.namelist():
            yield from items(name, bundle.read(name))


def commits(domain, paper):
    return hashlib.sha256(bytes([len(domain)]) + domain + paper).digest()


def is_of_vote(body):
    return isinstance(body, dict) and isinstance(body.get(8), dict) and 4 in body[8]


def is_of_passkey(body):
    return isinstance(body, dict) and isinstance(body.get(6), dict) and 6 in body[6]


def answer(credential, response):
    return {"id": websafe_encode(credential), "rawId": websafe_encode(credential), "type": "public-key",
            "clientExtensionResults": {}, "response": {name: websafe_encode(value) for name, value in response.items()}}


def state(challenge):
    return {"challenge": websafe_encode(challenge), "user_verification": UserVerificationRequirement.REQUIRED}


def by_webauthn_registered(challenge, made, origin):
    return verify_registration_response(credential=made, expected_challenge=challenge, expected_rp_id=RP,
                                        expected_origin=origin, require_user_verification=True)


def by_webauthn(challenge, made, key, origin):
    verify_authentication_response(credential=made, expected_challenge=challenge, expected_rp_id=RP,
                                   expected_origin=origin, credential_public_key=key, credential_current_sign_count=0,
                                   require_user_verification=True)


def refuses(check):
    try:
        check()
    except Exception:
        return True
    return False


def fields(ballot):
    """Returns a ballot once for each of its fields, with another value in it, and once with one left out."""
    paper = cbor.decode(ballot)
    for name, value in paper.items():
        other = {int: lambda: value + 1, str: lambda: value + "x", bytes: lambda: bytes([value[0] ^ 1]) + value[1:],
                 bool: lambda: not value, list: lambda: value + ["another"], type(None): lambda: b"x" * 32}[type(value)]
        yield cbor.encode({**paper, name: other()})
        yield cbor.encode({kept: paper[kept] for kept in paper if kept != name})


def one(path, origin):
    server = Fido2Server(PublicKeyCredentialRpEntity(id=RP, name="Countersign"), verify_origin=lambda seen: seen == origin)
    everything = list(bodies(path))
    (vote,), (passkey,) = filter(is_of_vote, everything), filter(is_of_passkey, everything)
    enrolment, signed = passkey[6], vote[8]
    credential, key = enrolment[2], enrolment[3]

    asked = commits(b"countersign/enrolment/1", enrolment[4])
    made = answer(credential, {"clientDataJSON": enrolment[5], "attestationObject": enrolment[6]})
    attested = by_webauthn_registered(asked, made, origin)
    assert (attested.credential_id, attested.credential_public_key) == (credential, key)
    enrolled = server.register_complete(state(asked), made).credential_data
    assert enrolled.credential_id == credential and cbor.encode(dict(enrolled.public_key)) == key
    AttestationObject(enrolment[6])
    counts["accepted"] += 2

    def both(ballot, client, data, signature):
        challenge = commits(b"countersign/ballot/1", ballot)
        made = answer(credential, {"clientDataJSON": client, "authenticatorData": data, "signature": signature})
        return [lambda: by_webauthn(challenge, made, key, origin),
                lambda: server.authenticate_complete(state(challenge), [enrolled], made)]

    parts = [signed[1], signed[2], signed[3], signed[4]]
    for check in both(*parts):
        check()
        counts["accepted"] += 1
    for place, part in enumerate(parts):
        for at in range(len(part)):
            changed = part[:at] + bytes([part[at] ^ 1]) + part[at + 1 :]
            for check in both(*parts[:place], changed, *parts[place + 1 :]):
                counts["changed"] += 1
                counts["refused"] += refuses(check)
    for changed in fields(parts[0]):
        for check in both(changed, *parts[1:]):
            counts["changed"] += 1
            counts["refused"] += refuses(check)
    ballot = cbor.decode(signed[1])
    assert (ballot[3], ballot[11], ballot[12], ballot[13]) == (vote[0], vote[1], vote[2], vote[3]), "another vote"


if __name__ == "__main__":
    for path in sys.argv[2:]:
        one(path, sys.argv[1])
    print(json.dumps(counts))
    sys.exit(counts["refused"] != counts["changed"] or counts["accepted"] != 4 * len(sys.argv[2:]))
