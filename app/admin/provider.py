"""The company's identity provider, asked over OpenID Connect: authorization code with PKCE, state and nonce.

What it says of itself and its keys are read anew for each login: there are few, and a key that was changed an hour ago
is known. Everything it says is checked: issuer, audience, nonce, end, signature by one of its keys (never a secret or
none). Source: OpenID Connect Core 1.0, 3.1.3.7; Discovery 1.0, 4.3; RFC 7636, RFC 9207.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from authlib.common.security import generate_token
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from app.clients.http import Wire, prepare
from app.errors import DeskError, PermanentError, VendorError
from app.setting_forms import is_loopback
from app.settings import Settings

AT_ONCE = 4  # logins that may wait for the provider: each holds a thread of the web process
SCOPE = "openid profile email"
# Signed with a private key. A shared secret, or "none", is what attacks use.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519", "EdDSA")
LEEWAY = 60  # seconds between two clocks


class ProviderError(DeskError):
    """Nobody is logged in. Reason `provider` (it cannot be asked, or makes no sense), `provider_busy`, or `token` (what
    it says of the person is not to be believed)."""


@dataclass(frozen=True)
class Started:
    """What one login must come back with."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> Started:
        return cls(generate_token(43), generate_token(43), generate_token(64))


class Provider:
    """`back`: our own address that it sends people to."""

    def __init__(self, settings: Settings, back: str) -> None:
        self._settings = settings
        self._back = back
        self._wire = Wire("oidc", settings, judge=_judge)
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def address(self, started: Started, *, anew: bool) -> str:
        """Where to send the person. `anew`: they must show there who they are, even if they did a moment ago.

        Raises ProviderError.
        """
        with self._turn():
            session, document = self._session()
        more = {"prompt": "login", "max_age": "0"} if anew else {}
        address, _ = session.create_authorization_url(
            document["authorization_endpoint"],
            state=started.state,
            nonce=started.nonce,
            code_verifier=started.verifier,
            **more,
        )
        return str(address)

    def person(self, started: Started, answer: Mapping[str, str]) -> dict[str, Any]:
        """What the provider says of who came back with `answer` (the query). Raises ProviderError."""
        with self._turn():
            session, document = self._session()
            issuer = str(document["issuer"])
            if answer.get("iss", issuer) != issuer:
                raise ProviderError("the answer is another provider's", "token")
            try:
                token = session.fetch_token(
                    document["token_endpoint"],
                    grant_type="authorization_code",
                    code=answer.get("code", ""),
                    code_verifier=started.verifier,
                )
                keys = KeySet.import_key_set(session.get(document["jwks_uri"], withhold_token=True).json())
            except (VendorError, OAuthError, JoseError, ValueError, KeyError, TypeError, AttributeError):
                raise ProviderError("the identity provider took no code, or has no keys", "provider") from None
        return self._believed(token, keys, issuer, started.nonce)

    def _believed(self, token: Mapping[str, Any], keys: KeySet, issuer: str, nonce: str) -> dict[str, Any]:
        client = self._settings.oidc_client_id
        try:
            registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
            read = jwt.decode(token["id_token"], keys, registry=registry)
            options = {name: {"essential": True, "value": value} for name, value in (("iss", issuer), ("aud", client))}
            params = {"nonce": nonce, "client_id": client, "access_token": token.get("access_token")}
            claims = CodeIDToken(read.claims, read.header, options, params)
            claims.validate(leeway=LEEWAY)
        except (JoseError, ValueError, KeyError, TypeError, AttributeError):
            raise ProviderError("what the identity provider says is not to be believed", "token") from None
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise ProviderError("the identity provider names nobody", "token")
        return dict(claims)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(blocking=False):
            raise ProviderError("too many people log in at this moment", "provider_busy")
        try:
            yield
        finally:
            self._turns.release()

    def _session(self) -> tuple[Any, dict[str, Any]]:
        """A session that goes out through our wire, and what the provider says of itself. Raises ProviderError."""
        settings = self._settings
        secret = settings.oidc_client_secret.get_secret_value()
        session = OAuth2Session(
            settings.oidc_client_id,
            secret or None,
            scope=SCOPE,
            redirect_uri=self._back,
            code_challenge_method="S256",
        )
        prepare(session, self._wire)
        try:
            found = session.get(f"{settings.oidc_issuer}/.well-known/openid-configuration", withhold_token=True).json()
            document = _sound(found, settings.oidc_issuer)
        except (VendorError, ValueError, KeyError, TypeError, AttributeError):
            raise ProviderError("the identity provider cannot be asked", "provider") from None
        methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if secret and "client_secret_basic" not in methods:
            session.token_endpoint_auth_method = "client_secret_post"  # noqa: S105 - the name of a method
        return session, document


def _sound(found: dict[str, Any], issuer: str) -> dict[str, Any]:
    """Raises ValueError and its like when the document is not this issuer's, or names an address that is not safe."""
    if found["issuer"].rstrip("/") != issuer:
        raise ValueError
    for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        parts = urlsplit(found[name])
        if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
            raise ValueError
    return found


def _judge(status: int, headers: Mapping[str, str], body: bytes) -> VendorError | None:
    if status == 200:
        return None
    return PermanentError("the identity provider refused", "refused", vendor="oidc", status=status)
