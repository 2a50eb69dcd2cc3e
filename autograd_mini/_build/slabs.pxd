cdef extern from "slabs.h":
    const char *MADE_FROM
    int live_in_slabs(type nodes) except -1
