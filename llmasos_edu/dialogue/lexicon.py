"""The words of the conversations: what they are about, and how people say it in English and in Chinese.

A table and a tool hold a thing under one name, the English one; each language has its own word for it. What
people call their pets and where they live is open: such names are drawn (`names.py`) and stand in no list.
"""

import operator
import tomllib
from pathlib import Path

LANGUAGES = ("en", "zh")

ITEMS = {
    "lamp": "台灯", "chair": "椅子", "book": "书", "kettle": "水壶", "coat": "大衣", "phone": "手机",
    "camera": "相机", "clock": "钟", "desk": "书桌", "bag": "包", "cup": "杯子", "bike": "自行车",
}  # fmt: skip
DAYS = {
    "Monday": "周一", "Tuesday": "周二", "Wednesday": "周三", "Thursday": "周四", "Friday": "周五",
    "Saturday": "周六", "Sunday": "周日",
}  # fmt: skip
HOURS = {
    "Monday": (9, 18), "Tuesday": (9, 18), "Wednesday": (9, 13), "Thursday": (9, 20), "Friday": (9, 18),
    "Saturday": (10, 16), "Sunday": None,
}  # fmt: skip
EVENTS = {
    "dentist": "看牙", "choir": "合唱", "lunch": "午饭", "meeting": "开会", "haircut": "理发", "yoga": "瑜伽",
    "exam": "考试", "concert": "音乐会", "football": "足球", "swimming": "游泳",
}  # fmt: skip
STATUSES = ("packed", "sent", "delivered", "cancelled")

# What somebody may tell of themselves: the key in the notes, its words; values are open names.
FACTS = {"name": "名字", "dog": "狗", "cat": "猫", "friend": "朋友", "city": "城市", "street": "街道"}

# Signs that Chinese names are made of; a name with another sign is spelled in bytes.
SURNAMES = "王李张刘陈杨赵黄周吴徐孙马朱胡林郭何高罗"
GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰红梅建国志新文斌辉宇浩雪琳佳欣怡晨雨婷子轩梓涵思远"
    "嘉诚安然若云天乐山海松竹春秋月星光亮福豆花虎龙凤白黑毛球"
)

FORMS = Path(__file__).parent / "forms.toml"
with FORMS.open("rb") as file:
    # {act: {language: [forms]}}, {outcome: {language: sentence}}; the file says more.
    USER, ANSWER = operator.itemgetter("user", "answer")(tomllib.load(file))

# Errors that may come to any call; each has its sentence among the answers.
TROUBLES = ("EPERM", "EBUSY", "ETIMEDOUT", "EINVAL", "EIO")


def check_language(language: str) -> None:
    """Refuse a language that the grammar does not speak.

    Raises:
        ValueError: with those that it speaks.
    """
    if language not in LANGUAGES:
        raise ValueError(f"language={language!r} is none of {', '.join(LANGUAGES)}")


def word(language: str, name: str) -> str:
    """How a language says an item, a day, an event or the key of a fact; names of people are as they are.

    Raises:
        TypeError: no text.
        ValueError: a language that the grammar does not speak.
    """
    check_language(language)
    if not isinstance(name, str):
        raise TypeError(f"name={name!r} is no text")
    if language == "en":
        return name
    for table in (ITEMS, DAYS, EVENTS, FACTS):
        if name in table:
            return table[name]
    return name


def answer(outcome: str, language: str, **values: object) -> str:
    """The sentence for an outcome, with its values in the words of the language.

    Raises:
        ValueError: an outcome that the grammar does not know, a value that its sentence needs and has not.
    """
    if not isinstance(outcome, str) or outcome not in ANSWER:
        raise ValueError(f"outcome={outcome!r} is none that the grammar has a sentence for")
    check_language(language)
    said = {name: word(language, str(value)) for name, value in values.items()}
    try:
        return ANSWER[outcome][language].format(**said)
    except KeyError as error:
        raise ValueError(f"the sentence for {outcome!r} needs a value for {error}") from error
