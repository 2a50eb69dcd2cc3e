cdef extern from "slabs.h":
    int live_in_slabs(type nodes) except -1
