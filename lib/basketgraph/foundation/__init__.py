"""What every stage stands on. Nothing is handed on from here: a training worker imports parts of it, and must not import Spark."""
