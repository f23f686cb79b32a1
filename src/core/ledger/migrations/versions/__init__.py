"""One module for each version; expanding only, so that what an older Seawall still writes is understood."""
