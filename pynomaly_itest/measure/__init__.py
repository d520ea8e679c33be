"""From samples to measurements: statistics with intervals, and the one judge of limits; pure."""

from pynomaly_itest.measure.changes import ChangePoint, change_points
from pynomaly_itest.measure.estimate import Absence, Doubt, Estimate, exact, no_data
from pynomaly_itest.measure.exceedance import judge_quantile
from pynomaly_itest.measure.histogram import Histogram
from pynomaly_itest.measure.judge import Judgement, judge
from pynomaly_itest.measure.labels import Labels
from pynomaly_itest.measure.proportions import proportion
from pynomaly_itest.measure.quality import auc, auc_difference, bootstrap_rows, paired_difference
from pynomaly_itest.measure.quantiles import samples_needed
from pynomaly_itest.measure.regression import Comparison, PairedMetric, Tolerance, compare
from pynomaly_itest.measure.samples import Samples
from pynomaly_itest.measure.statistics import DEFAULT_CONFIDENCE, STATISTICS, is_statistic, statistic
from pynomaly_itest.measure.steady import Steadiness, steadiness
from pynomaly_itest.measure.trends import scaling_exponent, slope

__all__ = [
    "DEFAULT_CONFIDENCE",
    "STATISTICS",
    "Absence",
    "ChangePoint",
    "Comparison",
    "Doubt",
    "Estimate",
    "Histogram",
    "Judgement",
    "Labels",
    "PairedMetric",
    "Samples",
    "Steadiness",
    "Tolerance",
    "auc",
    "auc_difference",
    "bootstrap_rows",
    "change_points",
    "compare",
    "exact",
    "is_statistic",
    "judge",
    "judge_quantile",
    "no_data",
    "paired_difference",
    "proportion",
    "samples_needed",
    "scaling_exponent",
    "slope",
    "statistic",
    "steadiness",
]
