cdef extern from "sources.h":
    const char *MADE_FROM
