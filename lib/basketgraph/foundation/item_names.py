"""Names of products for people: an item's name without its package size, so that sizes of one product have one name."""

from pyspark.sql import Column
from pyspark.sql import functions as F

SEPARATORS = " ,;:-/("


def product_name() -> Column:
    """BANANAS of `BANANAS, 40 LB` with the package size 40 LB; a name that does not end with its size stays. Null where there is no name.

    Needs the columns name and package_size, as silver.items has them.
    """
    name, size = F.trim("name"), F.trim("package_size")
    is_last = (F.length(size) > 0) & F.endswith(name, size) & (F.length(name) > F.length(size))
    without = F.rtrim(F.left(name, F.length(name) - F.length(size)), F.lit(SEPARATORS))
    return F.when(is_last & (F.length(without) > 0), without).otherwise(name)
