"""A stand-in identity provider: discovery, keys, authorization, token; its identity tokens are really signed.

What it says of a person, and what is wrong with it, is set by the test. It checks PKCE and the client as a real one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from flask import Flask, Response, jsonify, redirect, request
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

from tests.house import free_port

CLIENT, SECRET = "deletion-desk", "stand-in-oidc"


class StandIn:
    """`person`: the claims of whoever logs in there. `twist`: changes all claims before they are signed."""

    def __init__(self, context: ssl.SSLContext | None = None, *, host: str = "127.0.0.1") -> None:
        self.port = free_port()
        self.issuer = f"{'https' if context else 'http'}://{host}:{self.port}"
        self.key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self.signs_with: Any = self.key
        self.header: dict[str, Any] = {"alg": "RS256", "kid": "one"}
        self.person: dict[str, Any] = {}
        self.twist: Callable[[dict[str, Any]], None] = lambda _: None
        self.document: dict[str, Any] = {}
        self.down = False
        self.asked: list[dict[str, str]] = []  # the queries that people came with
        self._codes: dict[str, dict[str, str]] = {}
        self._server = make_server("127.0.0.1", self.port, self._app(), threaded=True, ssl_context=context)

    def __enter__(self) -> StandIn:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def settings(self, **more: str) -> dict[str, str]:
        """For the desk."""
        return {
            "oidc_issuer": self.issuer,
            "oidc_client_id": CLIENT,
            "oidc_client_secret": SECRET,
            **more,
        }

    def _app(self) -> Flask:
        app = Flask("identity", static_folder=None)
        app.add_url_rule("/.well-known/openid-configuration", "discovery", self._discovery)
        app.add_url_rule("/keys", "keys", self._keys)
        app.add_url_rule("/authorize", "authorize", self._authorize)
        app.add_url_rule("/token", "token", self._token, methods=["POST"])
        app.before_request(lambda: Response(status=503) if self.down else None)
        return app

    def _discovery(self) -> Response:
        return jsonify(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "token_endpoint_auth_methods_supported": ["client_secret_basic"],
                **self.document,
            }
        )

    def _keys(self) -> Response:
        return jsonify(KeySet([self.key]).as_dict(private=False))

    def _authorize(self) -> Any:
        """The person is known there already, and goes straight back."""
        asked = request.args.to_dict()
        self.asked.append(asked)
        assert (asked["client_id"], asked["response_type"]) == (CLIENT, "code")
        assert asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        return redirect(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}")

    def _token(self) -> Any:
        given = request.form.to_dict()
        asked = self._codes.pop(given.get("code", ""), None)
        challenge = hashlib.sha256(given.get("code_verifier", "").encode()).digest()
        good = (
            asked is not None
            and request.authorization is not None
            and (request.authorization.username, request.authorization.password) == (CLIENT, SECRET)
            and asked["code_challenge"] == base64.urlsafe_b64encode(challenge).rstrip(b"=").decode()
            and asked["redirect_uri"] == given["redirect_uri"]
        )
        if not good or asked is None:
            return jsonify(error="invalid_grant"), 400
        return jsonify(access_token="at", token_type="Bearer", expires_in=60, id_token=self._signed(asked["nonce"]))

    def _signed(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": nonce, "auth_time": now,
            **self.person,
        }  # fmt: skip
        self.twist(claims)
        if isinstance(self.signs_with, bytes):
            return _with_secret(self.header, claims, self.signs_with)
        return str(jwt.encode(self.header, claims, self.signs_with, algorithms=[self.header["alg"]]))


def _with_secret(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    """By hand: joserfc does not sign with a public key as if it were a shared secret, which is an old trick."""
    parts = [json.dumps(part).encode() for part in (header, claims)]
    text = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return (text + b"." + base64.urlsafe_b64encode(hmac.digest(secret, text, "sha256")).rstrip(b"=")).decode()
