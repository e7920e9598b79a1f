"""One explorer of every kind, small and with everything that its kind can show: for what all share.

`EXPLORERS[name]()` makes one; `dtype` asks for models and arrays of that type, `words` changes every string.
"""

from __future__ import annotations

import torch
from kernel_traces import crowded

from llmasos_edu.models.encoder import MaskedLanguageModel
from llmasos_edu.models.language_model import LanguageModel
from llmasos_edu.text.ngram import NGram
from llmasos_edu.text.tokenizer import ByteTokenizer
from llmasos_edu.widgets import (
    AccuracyMatrixExplorer,
    AttentionExplorer,
    ChatExplorer,
    DarkKnowledgeExplorer,
    EmbeddingMap,
    ExpertLoadExplorer,
    GradientPlaneExplorer,
    MaskingExplorer,
    MemoryMapExplorer,
    NextTokenExplorer,
    PositionExplorer,
    SamplingExplorer,
    SchedulerPlayground,
    SlotTimelineExplorer,
)

SINGLE = torch.float32
VOCAB = 12
NAMES = ["<i>", "·the", "·a", "⏎", "·class", "(", ")", "·is", "·not", "s", ":", "·def"]
TEXT = [4, 1, 9, 5, 6, 10, 3, 11, 0, 7, 8, 2, 4, 1, 9, 5, 6, 10, 3, 11]


def unchanged(text):
    return text


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def shaken(model, dtype):
    """The model with weights that make its proposals differ, in the type asked for."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=generator))
    return model.to(dtype)


def attention(dtype=SINGLE, words=unchanged):
    model = shaken(LanguageModel(VOCAB, d_model=8, num_layers=2, num_heads=4), dtype)
    names = [words(NAMES[i]) for i in TEXT]
    return AttentionExplorer.from_model(model, torch.tensor(TEXT), names, knock_out=True)


def live_attention(dtype=SINGLE, words=unchanged):
    return AttentionExplorer.live(byte_model(dtype), ByteTokenizer(), text=words("the theme of <i>"))


def cross_attention(dtype=SINGLE, words=unchanged):
    target, source = ([words(name) for name in names] for names in (["<s>", "3", "0", "5"], NAMES[:6]))
    weights = (3 * random(2, 3, 4, 6)).softmax(-1).to(dtype)
    return AttentionExplorer(weights, target, key_tokens=source, produced=target[::-1], truth=[0, -1, 3, 5])


def experts(dtype=SINGLE, words=unchanged):
    logits = random(4, 2, 24, 4)
    logits[:2, ..., 1] += 3
    domains = [words(["prose", "code", "sums"][i % 3]) for i in range(24)]
    names = [words(NAMES[i % VOCAB]) for i in range(24)]
    return ExpertLoadExplorer(logits.to(dtype), names, domains=domains, capacity_factor=0.75)


def positions(dtype=SINGLE, words=unchanged):
    return PositionExplorer(32, 64)


def rotary_positions(dtype=SINGLE, words=unchanged):
    return PositionExplorer(32, 64, kind="rotary")


def embedding(dtype=SINGLE, words=unchanged):
    names = [words(f"{name}{i}") for i in range(4) for name in NAMES]
    return EmbeddingMap(random(48, 6).to(dtype), names, [words(["odd", "even"][i % 2]) for i in range(48)])


def masking(dtype=SINGLE, words=unchanged):
    masked = shaken(MaskedLanguageModel(VOCAB + 1, d_model=8, num_layers=1, num_heads=2, max_len=64), dtype)
    causal = shaken(LanguageModel(VOCAB, d_model=8, num_layers=1, num_heads=2), dtype)
    return MaskingExplorer(TEXT[:12], masked, causal, VOCAB, [words(name) for name in NAMES], width=2)


def accuracy(dtype=SINGLE, words=unchanged):
    methods = [words(name) for name in ("naive", "replay")]
    scores = {name: torch.sigmoid(random(20, 4, seed=i)).to(dtype) for i, name in enumerate(methods)}
    tasks = [words(name) for name in ("prose", "<i>code", "sums", "talk")]
    return AccuracyMatrixExplorer(scores, tasks, [4, 8, 13, 19], baseline=[0.1] * 4, beside=methods[1])


def gradients(dtype=SINGLE, words=unchanged):
    pulls = torch.tensor([[1.0, 0.1], [-0.8, 0.5], [-0.2, -0.9]]).to(dtype)
    return GradientPlaneExplorer(pulls, [words(name) for name in ("depth", "<i>kind", "size")])


def knowledge(dtype=SINGLE, words=unchanged):
    teacher, *students = (2.5 * random(3, 8, VOCAB)).to(dtype)
    named = dict(zip((words("alone"), words("distilled")), students, strict=True))
    return DarkKnowledgeExplorer(TEXT[:8], teacher, named, [words(name) for name in NAMES], top=5)


def memory(dtype=SINGLE, words=unchanged):
    return MemoryMapExplorer(crowded(words=words), step=20, process=2)


def timeline(dtype=SINGLE, words=unchanged):
    return SlotTimelineExplorer(
        crowded("fcfs", words=words), crowded("round_robin"), names=[words("<i>FCFS"), words("turns")], step=9
    )


def playground(dtype=SINGLE, words=unchanged):
    return SchedulerPlayground()


def byte_model(dtype):
    """A model of bytes with what the browser can compute."""
    return shaken(LanguageModel(256, d_model=8, num_layers=2, num_heads=4), dtype)


def next_token(dtype=SINGLE, words=unchanged):
    counts = NGram.kneser_ney(list(b"the list and the text and the theme of the test <i>"), 256, 3)
    return NextTokenExplorer(byte_model(dtype), ByteTokenizer(), counts, text=words("the theme <i>"))


def sampling(dtype=SINGLE, words=unchanged):
    rules = [("top_k", 40), ("temperature", 0.8), ("repetition_penalty", 1.2)]
    return SamplingExplorer(byte_model(dtype), ByteTokenizer(), text=words("the theme <i>"), rules=rules)


def chat(dtype=SINGLE, words=unchanged):
    find, cancel = ({"call": name, "right": name, "arguments": words("<i>")} for name in ("find", "cancel"))
    call = find | {"held": True, "errno": "OK", "answer": words("lamp sent Friday")}
    refused = cancel | {"held": False, "errno": "EPERM", "answer": ""}
    turns = [
        {"said": words("Where is <i>my order?"), "parts": [call, {"text": "Your lamp was sent on Friday."}]},
        {"said": "取消订单4711。", "parts": [refused, {"text": words("我没有权限这样做。")}]},
        {"said": "Thanks", "parts": [{"text": "You are welcome."}]},
    ]
    talk = {"user": words("ada"), "rights": ["find"], "turns": turns}
    return ChatExplorer({words("ada <i> one"): talk, words("two"): talk})


EXPLORERS = {
    "attention": attention,
    "live attention": live_attention,
    "cross-attention": cross_attention,
    "experts": experts,
    "positions": positions,
    "rotary positions": rotary_positions,
    "embedding map": embedding,
    "masking": masking,
    "accuracy matrix": accuracy,
    "gradient plane": gradients,
    "dark knowledge": knowledge,
    "next token": next_token,
    "sampling": sampling,
    "memory map": memory,
    "slot timeline": timeline,
    "scheduler playground": playground,
    "chat": chat,
}
