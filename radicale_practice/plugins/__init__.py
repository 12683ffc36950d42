"""The plugins for Radicale: thin translations of its calls, no rules of the practice.

``radicale --config config/radicale.conf`` loads auth, rights, storage and web from here; the Application
adds what a plugin cannot do (the client's own bytes, some replies that clients need).
"""
