"""Explorers: anywidgets whose data is sent once and whose every interaction happens in the browser."""

from llmasos_edu.widgets.accuracy_matrix.explorer import AccuracyMatrixExplorer
from llmasos_edu.widgets.attention.data import truth_share
from llmasos_edu.widgets.attention.explorer import AttentionExplorer
from llmasos_edu.widgets.chat.explorer import ChatExplorer
from llmasos_edu.widgets.dark_knowledge.explorer import DarkKnowledgeExplorer
from llmasos_edu.widgets.embedding_map.explorer import EmbeddingMap
from llmasos_edu.widgets.expert_load.explorer import ExpertLoadExplorer
from llmasos_edu.widgets.gradient_plane.explorer import GradientPlaneExplorer
from llmasos_edu.widgets.masking.explorer import MaskingExplorer
from llmasos_edu.widgets.memory_map.explorer import MemoryMapExplorer
from llmasos_edu.widgets.next_token.explorer import NextTokenExplorer
from llmasos_edu.widgets.positions.explorer import PositionExplorer
from llmasos_edu.widgets.sampling.explorer import SamplingExplorer
from llmasos_edu.widgets.scheduler_playground.explorer import SchedulerPlayground
from llmasos_edu.widgets.shared.host import embed_widget_state, host_fragment, save_html
from llmasos_edu.widgets.slot_timeline.explorer import SlotTimelineExplorer

__all__ = [
    "AccuracyMatrixExplorer",
    "AttentionExplorer",
    "ChatExplorer",
    "DarkKnowledgeExplorer",
    "EmbeddingMap",
    "ExpertLoadExplorer",
    "GradientPlaneExplorer",
    "MaskingExplorer",
    "MemoryMapExplorer",
    "NextTokenExplorer",
    "PositionExplorer",
    "SamplingExplorer",
    "SchedulerPlayground",
    "SlotTimelineExplorer",
    "embed_widget_state",
    "host_fragment",
    "save_html",
    "truth_share",
]
