"""Explorers: anywidgets whose data is sent once and whose every interaction happens in the browser."""

from llmasos_edu.widgets.accuracy_matrix_explorer import AccuracyMatrixExplorer
from llmasos_edu.widgets.attention_data import truth_share
from llmasos_edu.widgets.attention_explorer import AttentionExplorer
from llmasos_edu.widgets.dark_knowledge_explorer import DarkKnowledgeExplorer
from llmasos_edu.widgets.embedding_map import EmbeddingMap
from llmasos_edu.widgets.expert_load_explorer import ExpertLoadExplorer
from llmasos_edu.widgets.gradient_plane_explorer import GradientPlaneExplorer
from llmasos_edu.widgets.host import embed_widget_state, host_fragment, save_html
from llmasos_edu.widgets.masking_explorer import MaskingExplorer
from llmasos_edu.widgets.position_explorer import PositionExplorer

__all__ = [
    "AccuracyMatrixExplorer",
    "AttentionExplorer",
    "DarkKnowledgeExplorer",
    "EmbeddingMap",
    "ExpertLoadExplorer",
    "GradientPlaneExplorer",
    "MaskingExplorer",
    "PositionExplorer",
    "embed_widget_state",
    "host_fragment",
    "save_html",
    "truth_share",
]
