"""A shop that hands an order out to its customer only. Python 3.11, nothing to install.

ALLOWED_ORIGINS=http://127.0.0.1:5000 make run, and in another terminal
URL=http://127.0.0.1:3000 KEY=sk_shop_00000000000000000 python3 docs/examples/shop.py
"""

import json
import os
import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

URL, KEY, PORT = os.environ["URL"], os.environ["KEY"], int(os.environ.get("PORT", "5000"))
PAGE = Path(__file__).with_name("shop.html").read_text().replace("VERIFICATION_URL", URL)
ORDERS = {"order-1001": "ada@example.com", "order-1002": "grace@example.com"}
ACR = "urn:customer-verification:acr:mailbox"
STEP_UP = f'Bearer error="insufficient_user_authentication", acr_values="{ACR}"'


def is_proved(receipt: str, order: str) -> bool:
    """Whether the receipt is of this order's customer, for this, with a code by email, unused."""
    expected = {"email": ORDERS[order], "purpose": "pickup", "reference": order}
    body = json.dumps({"receipt": receipt, **expected}).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    headers["Idempotency-Key"] = secrets.token_hex()  # for retries of this very call alone
    try:
        with urlopen(Request(f"{URL}/receipts/redeem", body, headers), timeout=10) as answer:
            return bool(json.load(answer)["acr"] == ACR)
    except HTTPError:
        return False  # refused, or not known: the order stays where it is


class Shop(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.reply(200, PAGE, {"Content-Type": "text/html; charset=utf-8"})

    def do_POST(self) -> None:
        order = self.path.removeprefix("/orders/").removesuffix("/pickup")
        scheme, _, receipt = self.headers.get("Authorization", "").partition(" ")
        if order not in ORDERS:
            self.reply(404, "There is no such order.")
        elif scheme == "Bearer" and is_proved(receipt, order):
            self.reply(200, "Here you are.")
        else:
            self.reply(401, "Prove who you are.", {"WWW-Authenticate": STEP_UP})

    def reply(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", PORT), Shop).serve_forever()
