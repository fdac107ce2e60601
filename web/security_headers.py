"""Headers on every response: nothing inline, nothing foreign, nothing framed, nothing guessed."""

from flask import Flask, Response

_POLICY = {
    "default-src": "'self'",
    "img-src": "'self' data:",
    "object-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HSTS = "max-age=31536000; includeSubDomains"


def policy(store_origin: str = "") -> str:
    """The content security policy; scripts may also speak to the object store, if it is another origin."""
    parts = dict(_POLICY)
    if store_origin:
        parts["connect-src"] = f"'self' {store_origin}"
    return "; ".join(f"{name} {value}" for name, value in parts.items())


CONTENT_SECURITY_POLICY = policy()


def install(app: Flask, *, https: bool, store_origin: str = "") -> None:
    """Every answer carries them, errors included; a view may set a stricter value itself."""
    always = {"Content-Security-Policy": policy(store_origin), **_ALWAYS}

    @app.after_request
    def add(response: Response) -> Response:
        for name, value in always.items():
            response.headers.setdefault(name, value)
        if https:
            response.headers["Strict-Transport-Security"] = _HSTS
        if "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response
