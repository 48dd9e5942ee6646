"""Texts in several scripts with planted near-duplicates."""

import random

WORDS = {
    "eng_Latn": ["river", "market", "window", "teacher", "quiet", "evening", "bridge", "winter"],
    "tha_Thai": ["แม่น้ำ", "ตลาด", "หน้าต่าง", "ครู", "เงียบ", "เย็น", "จดหมาย", "สะพาน", "สวน", "หนาว"],
    "zho_Hans": ["河流", "市场", "窗户", "老师", "安静", "晚上", "书信", "桥梁", "花园", "冬天"],
    "urd_Arab": ["دریا", "بازار", "کھڑکی", "استاد", "خاموش", "شام", "خط", "پل", "باغ", "سردی"],
    "hin_Deva": ["नदी", "बाज़ार", "खिड़की", "शिक्षक", "शांत", "शाम", "पत्र", "पुल", "बगीचा", "सर्दी"],
}
GAPS = {"tha_Thai": "", "zho_Hans": ""}


def planted(count: int, *, seed: int = 7) -> list[dict[str, object]]:
    """Rows of `text`, `language` and `score`; a third are copies or slight changes of others."""
    draw = random.Random(seed)
    tags = list(WORDS)
    rows: list[dict[str, object]] = []
    while len(rows) < count:
        tag = draw.choice(tags)
        if rows and draw.random() < 1 / 3:
            old = draw.choice(rows)
            tag, text = str(old["language"]), _changed(str(old["text"]), draw)
        else:
            text = GAPS.get(tag, " ").join(draw.choices(WORDS[tag], k=draw.randint(0, 40)))
        rows.append({"text": text, "language": tag, "score": draw.randint(0, 3)})
    return rows


def template(count: int) -> list[str]:
    """Texts that differ in a number only."""
    frame = "Please write a short and friendly reminder to the member whose number is {} "
    frame += "that the books borrowed in autumn are due back at the library before Friday noon."
    return [frame.format(number) for number in range(count)]


def _changed(text: str, draw: random.Random) -> str:
    for _ in range(draw.randint(0, 3)):
        at = draw.randrange(len(text) + 1)
        text = text[:at] + draw.choice("-.x") + text[at:]
    return text
