"""Text as the model and the duplicate check see it."""

import re
import unicodedata

ZERO_WIDTH = re.compile("[\u200b-\u200f\u2060-\u2064\ufeff\u00ad\u180e]")


def clean_text(text: str) -> str:
    """NFKC, zero-width characters stripped, lower case, white space collapsed."""
    return " ".join(ZERO_WIDTH.sub("", unicodedata.normalize("NFKC", text)).lower().split())
