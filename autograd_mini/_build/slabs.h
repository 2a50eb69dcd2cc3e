/* Memory for the nodes of the compiled build, in the order in which they are recorded.

   A graph is swept and released in about the order in which it was recorded, backwards.  Where
   its nodes lie in that order in memory, the processor has fetched the next one before it is
   needed.  A free list hands out first what came back last, which scrambles the order more with
   each graph; so nodes come from slabs.  A slab has a bit for each of its nodes, set while that
   is free, and gives away its lowest free node.  Slabs with room wait in a queue, the empty ones
   at its end, in the order in which they became empty; so a single node that is kept holds no
   more than its own place.

   The interpreter's lock protects all this. */

#include <Python.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _MSC_VER
#include <intrin.h>
#include <malloc.h>
#endif
#ifdef Py_GIL_DISABLED
#error "nodes are counted and released under the interpreter's lock"
#endif

/* Under the address sanitiser a free node is no memory to touch. */
#if defined(__has_feature) && !defined(__SANITIZE_ADDRESS__)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(start, size) ((void)0)
#define ASAN_UNPOISON_MEMORY_REGION(start, size) ((void)0)
#endif

/* The hashes of the sources, which setup.py gives to the compiler as SOURCES. */
#define TEXT(...) #__VA_ARGS__
#define TEXT_OF(...) TEXT(__VA_ARGS__)
#define MADE_FROM TEXT_OF(SOURCES)

#define SLAB 65536                     /* a power of two: an address rounded down is its slab's */
#define USABLE (SLAB - 64)             /* the system's allocator keeps notes of its own */
#define FIRST 128                      /* where the nodes begin */
#define NODE 96                        /* bytes of a node */
#define NODES ((USABLE - FIRST) / NODE)
#define WORDS ((NODES + 63) / 64)
#define KEPT 256                       /* as many empty slabs, 16 MB, are kept for the next graph */
#define DEEPEST 100                    /* releases inside one another */

typedef struct Slab {
    struct Slab *next, *previous;      /* in the queue of slabs with room; NULL in a full one */
    size_t used;                       /* nodes in use */
    uint64_t free[WORDS];
} Slab;

typedef char slab_fits_before_the_nodes[sizeof(Slab) <= FIRST ? 1 : -1];

static Slab queue = {&queue, &queue, 0, {0}};  /* queue.next is the slab in use */
static size_t word = 0;                /* the slab in use has no free node before this word */
static size_t empty = 0;               /* slabs without a node, not counting that in use */

static size_t lowest_bit(uint64_t bits) {
#ifdef _MSC_VER
    unsigned long found;
    _BitScanForward64(&found, bits);
    return found;
#else
    return (size_t)__builtin_ctzll(bits);
#endif
}

static void enter(Slab *slab, Slab *previous) {
    slab->previous = previous;
    slab->next = previous->next;
    previous->next = slab->next->previous = slab;
}

static void detach(Slab *slab) {
    slab->previous->next = slab->next;
    slab->next->previous = slab->previous;
    slab->next = slab->previous = NULL;
}

static Slab *new_slab(void) {
    Slab *slab;
    int i;
#ifdef _MSC_VER
    slab = _aligned_malloc(USABLE, SLAB);
#else
    void *memory = NULL;
    slab = posix_memalign(&memory, SLAB, USABLE) ? NULL : memory;
#endif
    if (!slab) return NULL;
    memset(slab, 0, sizeof(Slab));
    for (i = 0; i < NODES; i++)
        slab->free[i / 64] |= (uint64_t)1 << i % 64;
    ASAN_POISON_MEMORY_REGION((char *)slab + FIRST, NODES * NODE);
    return slab;
}

static void give_back(Slab *slab) {
    ASAN_UNPOISON_MEMORY_REGION(slab, USABLE);
#ifdef _MSC_VER
    _aligned_free(slab);
#else
    free(slab);
#endif
}

/* Let queue.next and word be where the next free node is.  False: there is no memory. */
static int find_room(void) {
    Slab *slab = queue.next;
    while (slab != &queue) {
        for (; word < WORDS; word++)
            if (slab->free[word]) return 1;
        detach(slab);
        word = 0;
        slab = queue.next;
        if (slab != &queue && slab->used == 0) {
            empty--;
            PyTraceMalloc_Track(0, (uintptr_t)slab, USABLE);
        }
    }
    slab = new_slab();
    if (!slab) return 0;
    enter(slab, queue.previous);
    PyTraceMalloc_Track(0, (uintptr_t)slab, USABLE);
    return find_room();
}

static PyObject *alloc_node(PyTypeObject *type, Py_ssize_t items) {
    Slab *slab = queue.next;
    PyObject *node;
    (void)items;
    if (!slab->free[word]) {
        if (!find_room()) return PyErr_NoMemory();
        slab = queue.next;
    }
    node = (PyObject *)((char *)slab + FIRST + (word * 64 + lowest_bit(slab->free[word])) * NODE);
    slab->free[word] &= slab->free[word] - 1;
    slab->used++;
    ASAN_UNPOISON_MEMORY_REGION(node, NODE);
    memset(node, 0, NODE);
    Py_SET_TYPE(node, type);
    Py_SET_REFCNT(node, 1);
    return node;
}

static void free_node(void *node) {
    Slab *slab = (Slab *)((uintptr_t)node & ~(uintptr_t)(SLAB - 1));
    size_t i = (size_t)((char *)node - (char *)slab - FIRST) / NODE;
    slab->free[i / 64] |= (uint64_t)1 << i % 64;
    slab->used--;
    ASAN_POISON_MEMORY_REGION(node, NODE);
    if (!slab->next) enter(slab, queue.next);
    if (slab == queue.next) {
        if (i / 64 < word) word = i / 64;
    } else if (slab->used == 0) {
        PyTraceMalloc_Untrack(0, (uintptr_t)slab);
        detach(slab);
        if (empty < KEPT) {
            enter(slab, queue.previous);
            empty++;
        } else {
            give_back(slab);
        }
    }
}

/* Release: a node's operands are released inside its own release, and theirs inside theirs.  A
   long chain would overflow the stack; so what lies too deep waits in a list, which is linked
   through the types of the nodes, for these are all the same. */

static PyTypeObject *node_type;
static destructor release;
static int depth = 0;
static PyObject *late = NULL;

static void release_node(PyObject *node) {
    if (depth == DEEPEST) {
        node->ob_type = (PyTypeObject *)late;
        late = node;
        return;
    }
    depth++;
    release(node);
    while (depth == 1 && late) {
        node = late;
        late = (PyObject *)node->ob_type;
        node->ob_type = node_type;
        release(node);
    }
    depth--;
}

/* Let the instances of a type, which has no subclasses, live in slabs. */
static int live_in_slabs(PyTypeObject *type) {
    if (type->tp_basicsize > NODE) {
        PyErr_Format(PyExc_SystemError, "a node has %zd bytes, slabs.h says %d",
                     type->tp_basicsize, NODE);
        return -1;
    }
    node_type = type;
    release = type->tp_dealloc;
    type->tp_dealloc = release_node;
    type->tp_alloc = alloc_node;
    type->tp_free = free_node;
    return 0;
}
