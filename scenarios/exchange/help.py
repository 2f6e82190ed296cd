"""What each system's own document tells its users, in short, as questions and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Questions = Sequence[tuple[str, str]]

_WHAT = (
    "What is a passkey?",
    "A way to log in and to confirm withdrawals with your fingerprint, your face, your device's screen lock or a "
    "security key, instead of passwords and codes. It protects against phishing: it works on this site only.",
)
_BIOMETRICS = (
    "Is my fingerprint or face sent anywhere?",
    "No. Biometric data is stored on your device only and never reaches us. We learn that your device has verified "
    "you, and nothing else.",
)

HELP: Mapping[str, Questions] = {
    "": (_WHAT, _BIOMETRICS),
    "mexc": (
        _WHAT,
        (
            "Which devices can I use?",
            "Devices with iOS 16.0.0 or Android 9.0 and above. Due to regional restrictions or device limitations, "
            "such as lack of support for Google services, some devices may not be able to use passkeys.",
        ),
        (
            "How do I set one up?",
            "On the Passkey page, select Add Passkey. Enter your email or mobile verification code and the "
            "authenticator code, then Confirm, and complete the biometric authentication. You can have up to 10 "
            "passkeys.",
        ),
        (
            "Can I keep my password?",
            "Yes. Passwords and passkeys coexist, and autofill offers your passkey when you log in.",
        ),
        (
            "How do I withdraw with a passkey?",
            "Confirm the withdrawal, check it once more and select Confirm Withdrawal. Then complete biometric "
            "authentication or enter your device's password. No other codes are needed.",
        ),
        (
            "What are application scenarios?",
            "What your passkeys serve for. Choose them by the gear on the Passkey page; saving asks for codes.",
        ),
    ),
    "okx-app": (
        _WHAT,
        (
            "Can I use the same passkey on multiple devices?",
            "With the same Apple ID, passkeys sync by iCloud Keychain; on Android by Google Password Manager. A "
            "security key can be moved between devices, and each key is registered one by one.",
        ),
        (
            "What happens if I lose the device that has my passkey?",
            "Use a backup device or security key. Without one, go through account recovery, which verifies your "
            "identity by other means. So set up a backup passkey.",
        ),
        (
            "Does the passkey work for all operations?",
            "For logging in, depositing, withdrawing and C2C trades. Some highly sensitive settings ask for more.",
        ),
        ("Are there any fees?", "No. Passkeys are free."),
    ),
    "kucoin": (
        _WHAT,
        (
            "What do I need?",
            "Windows 10, macOS Ventura or ChromeOS 109 or later, iOS 16 or later, or a security key that supports "
            "FIDO2; and Chrome 109, Safari 16, Edge 109 or Firefox 122 or higher. Turn on the screen lock and "
            "Bluetooth. To log in on another computer, turn on iCloud Keychain. In Incognito mode you may not be "
            "able to create or use passkeys.",
        ),
        (
            "Where should I create one?",
            "On personal devices that you control only, never on a shared one: whoever can unlock it can log in.",
        ),
        (
            "What if my device is lost?",
            "Delete its passkey here at once, so that it opens nothing any more. Synced passkeys come back from "
            "your provider (iCloud, Google account, password manager). Device-bound ones do not, so register at "
            "least two devices.",
        ),
        _BIOMETRICS,
    ),
    "pionex": (
        _WHAT,
        (
            "What are the steps to set one up?",
            "Select Create Passkey, enter your email, SMS and authenticator codes, and authenticate with your face "
            "or fingerprint.",
        ),
        (
            "How do withdrawals change?",
            "You only complete a biometric scan. Email, SMS and authenticator codes are no longer needed.",
        ),
        (
            "Is it mandatory?",
            "No. You can go on using codes. Opening the app works as before: passkeys apply to log-in and "
            "withdrawals only.",
        ),
        (
            "What are the prerequisites?",
            "Phone number, email and authenticator app must all be bound before a passkey can be used for "
            "withdrawals. With only two of them it is not available.",
        ),
        (
            "Can I create several?",
            "Yes, there is no limit. On a new phone with the same Apple ID or Google account yours are there at "
            "once.",
        ),
        _BIOMETRICS,
    ),
    "okx-web": (
        _WHAT,
        (
            "What do I need?",
            "Windows 10, macOS Ventura, iOS 16.0.0 or Android 7.0 or later, or a USB security key that supports "
            "FIDO2; and Chrome 109, Safari 16 or Edge 109 or above.",
        ),
        (
            "How do I rename a passkey?",
            "Select Rename. The new name shows on this page only; the name on your device stays.",
        ),
        (
            "What happens when I remove one?",
            "If you verify with another passkey, nothing else. If you verify in any other way, withdrawals and P2P "
            "trading are restricted for 24 hours.",
        ),
        (
            "What if it says “Unable to verify face”?",
            "Make sure that your surroundings are neither too bright nor too dark, and try again. After the maximum "
            "number of attempts verification is temporarily unavailable: contact customer support.",
        ),
        (
            "What do the labels mean?",
            "Passkeys work separately for the exchange, the DEX wallet and Pay. The label says which one a passkey "
            "was registered for.",
        ),
    ),
}
