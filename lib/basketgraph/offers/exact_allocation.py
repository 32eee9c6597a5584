"""The exact linear program of an allocation, for small cases: what the dual is judged by."""

import numpy as np
from scipy import sparse
from scipy.optimize import linprog

from basketgraph.offers.coupon_terms import Block, Terms


def exact_value(people: Block, terms: Terms, *, floor_price: float) -> float:
    """The most value of fractional pairs under the same limits, by HiGHS; coupons short of a floor cost floor_price each, as they do in the dual."""
    person, coupon = np.nonzero(np.isfinite(people.values))
    pair, pairs, categories = np.arange(len(person)), len(person), len(terms.floors)
    caps = sparse.csr_array((np.ones(pairs), (person, pair)), shape=(len(people.caps), pairs))
    spend = sparse.csr_array((people.costs[person, coupon], (terms.budget_of[coupon], pair)), shape=(len(terms.budgets), pairs))
    counts = sparse.csr_array((np.ones(pairs), (terms.category_of[coupon], pair)), shape=(categories, pairs))
    limits = sparse.block_array([[caps, None], [spend, None], [-counts, -sparse.eye_array(categories)]], format="csr")
    objective = np.concatenate([-people.values[person, coupon], np.full(categories, floor_price)])
    bounds = np.column_stack([np.zeros(pairs + categories), np.concatenate([np.ones(pairs), np.full(categories, np.inf)])])
    solved = linprog(objective, A_ub=limits, b_ub=np.concatenate([people.caps, terms.budgets, -terms.floors]), bounds=bounds, method="highs")
    if not solved.success:
        raise RuntimeError(f"the linear program has no solution: {solved.message}")
    return -float(solved.fun)
