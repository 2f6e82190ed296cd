"""Cross-device ceremonies: hybrid transports of CTAP 2.3 §11.5, both roles.

The stages are pure and typed, each one's output the next one's input:

    QrCode ─ keys ─ Advert ─ tunnel ─ Handshake ─ Frames ─ messages

`phone.py` and `initiator.py` join them; `tunnel.py`, `tunnel_server.py`, `radio.py` and `bluez*.py` do the I/O.
"""
