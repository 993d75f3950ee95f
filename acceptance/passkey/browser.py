"""Is a person's browser and authenticator: enrols a passkey, and signs the vote on what an agent proposes.

    browser.py URL AGENT_KEY PERSON_KEY TOKEN ALGORITHM

Written from WebAuthn Level 3 alone, with PyPI `cryptography` and the CBOR of `fido2`. Prints the action that ran.
"""

import hashlib
import json
import os
import sys
import urllib.error
import urllib.request

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2 import cbor
from fido2.cose import ES256, RS256, EdDSA
from fido2.utils import websafe_decode, websafe_encode

url, agent_key, person_key, token, algorithm = sys.argv[1:6]
origin = "http://localhost:" + url.rsplit(":", 1)[1]


def call(method, path, body=None, key=None, refused=None):
    headers = {"content-type": "application/json"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url + path, data=data, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            if refused:
                sys.exit(f"{path} was not refused")
            return json.load(answer)
    except urllib.error.HTTPError as error:
        said = json.load(error)
        if said["code"] != refused:
            sys.exit(f"{path}: {said}")
        return said


class Authenticator:
    def __init__(self):
        self.id = os.urandom(32)
        self.count = 0
        if algorithm == "ES256":
            self.key = ec.generate_private_key(ec.SECP256R1())
            self.cose = ES256.from_cryptography_key(self.key.public_key())
        elif algorithm == "EdDSA":
            self.key = ed25519.Ed25519PrivateKey.generate()
            self.cose = EdDSA.from_cryptography_key(self.key.public_key())
        else:
            self.key = rsa.generate_private_key(65537, 2048)
            self.cose = RS256.from_cryptography_key(self.key.public_key())

    def sign(self, message):
        if algorithm == "ES256":
            return self.key.sign(message, ec.ECDSA(hashes.SHA256()))
        if algorithm == "EdDSA":
            return self.key.sign(message)
        return self.key.sign(message, padding.PKCS1v15(), hashes.SHA256())

    def data(self, rp_id, credential):
        self.count += 1
        # Present, verified, may be backed up and is; a credential where one is made.
        flags = 0x1D | (0x40 if credential else 0)
        data = hashlib.sha256(rp_id.encode()).digest() + bytes([flags]) + self.count.to_bytes(4, "big")
        if credential:
            data += bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cbor.encode(dict(self.cose))
        return data

    def answer(self, response):
        return {"id": websafe_encode(self.id), "rawId": websafe_encode(self.id), "type": "public-key",
                "clientExtensionResults": {}, "response": response}

    def create(self, options):
        said = client_data("webauthn.create", options["challenge"])
        data = self.data(options["rp"]["id"], True)
        statement = {"alg": self.cose[3], "sig": self.sign(data + hashlib.sha256(said).digest())}
        made = cbor.encode({"fmt": "packed", "attStmt": statement, "authData": data})
        return self.answer({"clientDataJSON": websafe_encode(said), "attestationObject": websafe_encode(made)})

    def get(self, options):
        said = client_data("webauthn.get", options["challenge"])
        data = self.data(options["rpId"], False)
        signature = self.sign(data + hashlib.sha256(said).digest())
        return self.answer({"clientDataJSON": websafe_encode(said), "authenticatorData": websafe_encode(data),
                            "signature": websafe_encode(signature)})


def client_data(kind, challenge):
    return json.dumps({"type": kind, "challenge": challenge, "origin": origin, "crossOrigin": False}).encode()


def propose():
    wanted = {"tool": "inventory.restart_service", "arguments": {"service": algorithm.lower()}}
    return call("POST", "/v1/actions", wanted, agent_key)


own = Authenticator()
options = call("POST", "/v1/passkeys/options", {"token": token})
call("POST", "/v1/passkeys", {"token": token, "credential": own.create(options)})
call("POST", "/v1/passkeys/options", {"token": token}, refused="invitation-invalid")

held = propose()
case = f"/v1/approvals/{held['approval']['id']}"
shown = call("GET", case, key=person_key)
plain = {"vote": "approve", "reason": "by key", "shown": shown["shown"]}
call("POST", f"{case}/votes", plain, person_key, refused="vote-unsigned")
drawn = call("POST", f"{case}/ballot", {"vote": "approve", "reason": f"signed with {algorithm}"}, person_key)
paper = websafe_decode(drawn["bytes"])
domain = b"countersign/ballot/1"
challenge = hashlib.sha256(bytes([len(domain)]) + domain + paper).digest()
if websafe_decode(drawn["public_key"]["challenge"]) != challenge:
    sys.exit("the challenge does not commit to the ballot")
assertion = own.get(drawn["public_key"])
voted = call("POST", f"{case}/votes", {"assertion": assertion}, person_key)
if voted["state"] != "approved":
    sys.exit(f"after the vote: {voted}")
call("POST", f"{case}/votes", {"assertion": assertion}, person_key, refused="ballot-used")

ran = propose()
if not ran.get("permit"):
    sys.exit(f"approved, and not permitted: {ran}")
call("POST", f"/v1/actions/{ran['action']}/outcome", {"status": "done", "result": {"restarted": True}}, agent_key)
print(ran["action"])
