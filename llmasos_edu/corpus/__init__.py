"""What every experiment reads: real prose and code, languages of known entropy, tasks of known answer.

Nothing here is ever downloaded. Sizes with Python 3.11: the manual 0.47 MB in 79 topics, the standard
library's source some 8 MB.
"""

from llmasos_edu.corpus.document import Document
from llmasos_edu.corpus.domains import DOMAINS, Domain, DomainSampler, domain_corpus
from llmasos_edu.corpus.library import library_code
from llmasos_edu.corpus.manual import manual
from llmasos_edu.corpus.markov import MarkovSource
from llmasos_edu.corpus.numerals import Numeral, NumeralBatch, numeral, numeral_batch, read_numeral
from llmasos_edu.corpus.patterns import RecallBatch, recall_at_distance, repeated_patterns
from llmasos_edu.corpus.split import Split, hold_out, leak_share, split_documents
from llmasos_edu.corpus.text_file import cut_into_passages, read_text_file

__all__ = [
    "DOMAINS",
    "Document",
    "Domain",
    "DomainSampler",
    "MarkovSource",
    "Numeral",
    "NumeralBatch",
    "RecallBatch",
    "Split",
    "cut_into_passages",
    "domain_corpus",
    "hold_out",
    "leak_share",
    "library_code",
    "manual",
    "numeral",
    "numeral_batch",
    "read_numeral",
    "read_text_file",
    "recall_at_distance",
    "repeated_patterns",
    "split_documents",
]
