/* A tape: the operations of a recorded graph over floats, in order, to be computed again.

   It has a place for each number: first the inputs, then constants, then results, each of which
   comes after its operands.  All indices are checked when the tape is made; it holds no object of
   Python's, and runs under the interpreter's lock. */

#define PY_SSIZE_T_CLEAN
#define _USE_MATH_DEFINES
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifndef M_PI
#define M_PI 3.14159265358979323846
#endif

/* The hashes of the sources, which setup.py gives to the compiler as SOURCES. */
#define TEXT(...) #__VA_ARGS__
#define TEXT_OF(...) TEXT(__VA_ARGS__)
#define MADE_FROM TEXT_OF(SOURCES)

/* Functions of Python's floats that C has not, or has with other last digits. */

static inline double python_abs(double x) { return fabs(x); }
static inline double python_floor(double x) { return copysign(floor(x), x); }
static inline double python_ceil(double x) { return copysign(ceil(x), x); }
static inline double python_trunc(double x) { return copysign(trunc(x), x); }
static inline double python_rint(double x) { return copysign(rint(x), x); }

static double python_mod(double x, double y) {
    double rest = fmod(x, y);
    if (rest == 0.0) return copysign(0.0, y);
    return (y < 0.0) != (rest < 0.0) ? rest + y : rest;
}

static double python_floor_divide(double x, double y) {
    double rest = fmod(x, y), quotient = (x - rest) / y, whole;
    if (rest != 0.0 && (y < 0.0) != (rest < 0.0)) quotient -= 1.0;
    if (quotient == 0.0) return copysign(0.0, x / y);
    whole = floor(quotient);
    return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

static PyObject *hypot_of_python;

/* Python's own has fewer rounding errors than that of most C libraries. */
static double python_hypot(double x, double y) {
    PyObject *found = PyObject_CallFunction(hypot_of_python, "dd", x, y);
    double number = found ? PyFloat_AsDouble(found) : NAN;
    Py_XDECREF(found);
    PyErr_Clear();
    return number;
}
#define hypot python_hypot

typedef struct {
    int32_t operation, a, b, c;
} Step;

#include "tape_operations.h"

#define WEIGHTED_SUM OPERATIONS        /* a: where its operands begin in the list, b: its terms */

typedef struct {
    int32_t compare, a, b, holds;
} Guard;

typedef struct {
    PyObject_HEAD
    Py_ssize_t inputs, first, size, steps_count, guards_count, outputs_count, listed;
    double *values, *gradients;        /* one for each place */
    Step *steps;
    Guard *guards;
    int32_t *outputs, *list;
    int busy;
} Tape;

static void tape_dealloc(Tape *tape) {
    PyMem_Free(tape->values);
    PyMem_Free(tape->gradients);
    PyMem_Free(tape->steps);
    PyMem_Free(tape->guards);
    PyMem_Free(tape->outputs);
    PyMem_Free(tape->list);
    Py_TYPE(tape)->tp_free((PyObject *)tape);
}

/* A copy of a buffer, and how many items it has. */
static void *copied(const Py_buffer *given, size_t item, Py_ssize_t *count) {
    void *copy = PyMem_Malloc(given->len ? (size_t)given->len : 1);
    if (!copy) {
        PyErr_NoMemory();
        return NULL;
    }
    memcpy(copy, given->buf, (size_t)given->len);
    *count = given->len / (Py_ssize_t)item;
    return copy;
}

static int is_place(int32_t place, Py_ssize_t before) { return place >= 0 && place < before; }

/* Whether every index of a tape is within bounds, and every operand comes before its result. */
static int is_sound(const Tape *tape) {
    Py_ssize_t i, j;
    for (i = 0; i < tape->steps_count; i++) {
        const Step *step = &tape->steps[i];
        Py_ssize_t place = tape->first + i;
        if (step->operation == WEIGHTED_SUM) {
            Py_ssize_t start = step->a, count = 2 * (Py_ssize_t)step->b + 1;
            if (start < 0 || step->b < 0 || start + count > tape->listed) return 0;
            for (j = start; j < start + count; j++)
                if (!is_place(tape->list[j], place)) return 0;
            continue;
        }
        if (step->operation < 0 || step->operation > WEIGHTED_SUM) return 0;
        if (!is_place(step->a, place) || !is_place(step->b, place) || !is_place(step->c, place))
            return 0;
    }
    for (i = 0; i < tape->guards_count; i++) {
        const Guard *guard = &tape->guards[i];
        if (!is_place(guard->a, tape->size) || !is_place(guard->b, tape->size)) return 0;
        if (guard->compare < Py_LT || guard->compare > Py_GE) return 0;
    }
    for (i = 0; i < tape->outputs_count; i++)
        if (!is_place(tape->outputs[i], tape->size)) return 0;
    return tape->inputs >= 0 && tape->inputs <= tape->first;
}

static PyObject *tape_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"numbers", "inputs", "steps", "list", "guards", "outputs", NULL};
    Py_buffer numbers, steps, list, guards, outputs;
    Py_ssize_t inputs;
    Tape *tape;
    int sound;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*ny*y*y*y*", names, &numbers, &inputs, &steps,
                                     &list, &guards, &outputs))
        return NULL;
    tape = (Tape *)type->tp_alloc(type, 0);
    sound = tape != NULL;
    if (sound) {
        tape->inputs = inputs;
        sound = (tape->steps = copied(&steps, sizeof(Step), &tape->steps_count)) &&
                (tape->list = copied(&list, sizeof(int32_t), &tape->listed)) &&
                (tape->guards = copied(&guards, sizeof(Guard), &tape->guards_count)) &&
                (tape->outputs = copied(&outputs, sizeof(int32_t), &tape->outputs_count));
        tape->first = numbers.len / (Py_ssize_t)sizeof(double);
        tape->size = tape->first + tape->steps_count;
    }
    if (sound) {
        tape->values = PyMem_Malloc(sizeof(double) * (size_t)(tape->size + 1));
        tape->gradients = PyMem_Malloc(sizeof(double) * (size_t)(tape->size + 1));
        if (!tape->values || !tape->gradients) {
            PyErr_NoMemory();
            sound = 0;
        } else {
            memcpy(tape->values, numbers.buf, sizeof(double) * (size_t)tape->first);
        }
    }
    PyBuffer_Release(&numbers);
    PyBuffer_Release(&steps);
    PyBuffer_Release(&list);
    PyBuffer_Release(&guards);
    PyBuffer_Release(&outputs);
    if (sound && !is_sound(tape)) {
        PyErr_SetString(PyExc_ValueError, "a tape's index is out of its bounds");
        sound = 0;
    }
    if (!sound) {
        Py_XDECREF(tape);
        return NULL;
    }
    return (PyObject *)tape;
}

/* Write the numbers of the inputs, each so many times, side by side. */
static int filled(const Tape *tape, PyObject *numbers, double *values, int times) {
    Py_ssize_t i;
    int l;
    if (!PyList_CheckExact(numbers) || PyList_GET_SIZE(numbers) != tape->inputs) {
        PyErr_SetString(PyExc_ValueError, "a tape is given a list with a float for each input");
        return 0;
    }
    for (i = 0; i < tape->inputs; i++) {
        PyObject *number = PyList_GET_ITEM(numbers, i);
        if (!PyFloat_CheckExact(number)) {
            PyErr_SetString(PyExc_TypeError, "an input of a tape is a float");
            return 0;
        }
        for (l = 0; l < times; l++) values[i * times + l] = PyFloat_AS_DOUBLE(number);
    }
    return 1;
}

/* Compute all values; whether they are ordinary: no result of what could have raised an error. */
static int computed(Tape *tape) {
    double *values = tape->values;
    Py_ssize_t i, place = tape->first;
    int unusual = 0;
    for (i = 0; i < tape->steps_count; i++, place++) {
        const Step *step = &tape->steps[i];
        double x, y, z, out = 0.0;
        if (step->operation == WEIGHTED_SUM) {
            const int32_t *list = tape->list + step->a, *end = list + 2 * (Py_ssize_t)step->b + 1;
            out = values[*list++];
            for (; list < end; list += 2) out += values[list[0]] * values[list[1]];
            values[place] = out;
            continue;
        }
        x = values[step->a], y = values[step->b], z = values[step->c];
        switch (step->operation) { VALUES }
        (void)z;
        values[place] = out;
    }
    return !unusual;
}

static int compared(int32_t compare, double a, double b) {
    switch (compare) {
        case Py_LT: return a < b;
        case Py_LE: return a <= b;
        case Py_EQ: return a == b;
        case Py_NE: return a != b;
        case Py_GT: return a > b;
        default: return a >= b;
    }
}

static int as_recorded(const Tape *tape) {
    Py_ssize_t i;
    for (i = 0; i < tape->guards_count; i++) {
        const Guard *guard = &tape->guards[i];
        double a = tape->values[guard->a], b = tape->values[guard->b];
        if (compared(guard->compare, a, b) != guard->holds) return 0;
    }
    return 1;
}

/* A reverse sweep from the first output, over the values that were computed last. */
static void swept(Tape *tape) {
    double *values = tape->values, *gradients = tape->gradients;
    Py_ssize_t i;
    memset(gradients, 0, sizeof(double) * (size_t)tape->size);
    gradients[tape->outputs[0]] = 1.0;
    for (i = tape->steps_count - 1; i >= 0; i--) {
        const Step *step = &tape->steps[i];
        Py_ssize_t place = tape->first + i;
        double x, y, z, out, total = gradients[place];
        if (total == 0.0) continue;    /* zero passes zero on, even through an infinity */
        if (step->operation == WEIGHTED_SUM) {
            const int32_t *list = tape->list + step->a, *end = list + 2 * (Py_ssize_t)step->b + 1;
            gradients[*list++] += total;
            for (; list < end; list += 2) {
                gradients[list[0]] += total * values[list[1]];
                gradients[list[1]] += total * values[list[0]];
            }
            continue;
        }
        x = values[step->a], y = values[step->b], z = values[step->c], out = values[place];
        switch (step->operation) { SHARES }
        (void)x, (void)y, (void)z, (void)out;
    }
}

static PyObject *floats_of(const double *numbers, const int32_t *places, Py_ssize_t count) {
    PyObject *found = PyList_New(count);
    Py_ssize_t i;
    for (i = 0; found && i < count; i++) {
        PyObject *number = PyFloat_FromDouble(numbers[places ? places[i] : i]);
        if (!number) Py_CLEAR(found);
        else PyList_SET_ITEM(found, i, number);
    }
    return found;
}

/* run(inputs, count): the outputs, and the gradients of the first one with respect to so many
   inputs.  None: a guard fails, so that other operations are to be computed.  False: an operation
   has made no finite number, and may have to raise an error. */
static PyObject *tape_run(Tape *tape, PyObject *args) {
    PyObject *numbers, *outputs, *gradients = NULL, *both = NULL;
    Py_ssize_t count;
    int ordinary, same;
    if (!PyArg_ParseTuple(args, "On", &numbers, &count)) return NULL;
    if (count < 0 || count > tape->inputs || (count && !tape->outputs_count)) {
        PyErr_SetString(PyExc_ValueError, "a tape has not so many inputs, or no output");
        return NULL;
    }
    if (tape->busy) Py_RETURN_FALSE;   /* called from within itself, by a finaliser */
    if (!filled(tape, numbers, tape->values, 1)) return NULL;
    tape->busy = 1;
    ordinary = computed(tape);
    same = as_recorded(tape);
    if (ordinary && same && count) swept(tape);
    tape->busy = 0;
    if (!same) Py_RETURN_NONE;
    if (!ordinary) Py_RETURN_FALSE;
    outputs = floats_of(tape->values, tape->outputs, tape->outputs_count);
    if (outputs) gradients = floats_of(tape->gradients, NULL, count);
    if (gradients) both = PyTuple_Pack(2, outputs, gradients);
    Py_XDECREF(outputs);
    Py_XDECREF(gradients);
    return both;
}

/* Several runs at once: a place has WIDTH numbers side by side, one for each. */

#define WIDTH 8
#define LINE 64                        /* bytes, at which registers of any width are read soonest */
#if defined(__GNUC__) && !defined(__clang__)
#define TOGETHER _Pragma("GCC ivdep") _Pragma("GCC unroll 1")  /* else one by one, unrolled */
#else
#define TOGETHER
#endif
#define EACH TOGETHER for (l = 0; l < WIDTH; l++)
#define SHARE(place, slope)                                                       \
    EACH {                                                                        \
        double share = total[l] * (slope);                                        \
        gradients[(Py_ssize_t)(place) * WIDTH + l] += total[l] != 0.0 ? share : 0.0; \
    }

/* Compiled several times, for registers of different width; the machine's is taken at import. */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define OF_MANY_WIDTHS __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define OF_MANY_WIDTHS
#endif

OF_MANY_WIDTHS static int computed_lanes(const Tape *tape, double *values) {
    Py_ssize_t i;
    int l, unusual = 0;
    for (i = 0; i < tape->steps_count; i++) {
        const Step *step = &tape->steps[i];
        double *restrict out = values + (tape->first + i) * WIDTH;
        const double *x, *y, *z;
        if (step->operation == WEIGHTED_SUM) {
            const int32_t *list = tape->list + step->a, *end = list + 2 * (Py_ssize_t)step->b + 1;
            x = values + (Py_ssize_t)*list++ * WIDTH;
            EACH out[l] = x[l];
            for (; list < end; list += 2) {
                x = values + (Py_ssize_t)list[0] * WIDTH, y = values + (Py_ssize_t)list[1] * WIDTH;
                EACH out[l] += x[l] * y[l];
            }
            continue;
        }
        x = values + (Py_ssize_t)step->a * WIDTH, y = values + (Py_ssize_t)step->b * WIDTH;
        z = values + (Py_ssize_t)step->c * WIDTH;
        switch (step->operation) { LANES }
        (void)z;
    }
    return !unusual;
}

/* A sweep from the first output of so many runs.  Gradients of inputs are added to those there. */
OF_MANY_WIDTHS static void swept_lanes(const Tape *tape, const double *restrict values,
                                       double *restrict gradients, int used) {
    Py_ssize_t i;
    int l;
    memset(gradients + tape->inputs * WIDTH, 0,
           sizeof(double) * WIDTH * (size_t)(tape->size - tape->inputs));
    for (l = 0; l < used; l++) gradients[(Py_ssize_t)tape->outputs[0] * WIDTH + l] += 1.0;
    for (i = tape->steps_count - 1; i >= 0; i--) {
        const Step *step = &tape->steps[i];
        Py_ssize_t place = (tape->first + i) * WIDTH;
        const double *out = values + place, *x, *y, *z;
        double total[WIDTH];           /* its own, so that the compiler may take lanes together */
        memcpy(total, gradients + place, sizeof total);
        if (step->operation == WEIGHTED_SUM) {
            const int32_t *list = tape->list + step->a, *end = list + 2 * (Py_ssize_t)step->b + 1;
            EACH gradients[(Py_ssize_t)*list * WIDTH + l] += total[l];
            for (list++; list < end; list += 2) {
                x = values + (Py_ssize_t)list[0] * WIDTH, y = values + (Py_ssize_t)list[1] * WIDTH;
                SHARE(list[0], y[l])
                SHARE(list[1], x[l])
            }
            continue;
        }
        x = values + (Py_ssize_t)step->a * WIDTH, y = values + (Py_ssize_t)step->b * WIDTH;
        z = values + (Py_ssize_t)step->c * WIDTH;
        switch (step->operation) { SHARES_OF_LANES }
        (void)x, (void)y, (void)z, (void)out;
    }
}

static int lanes_as_recorded(const Tape *tape, const double *values, int used) {
    Py_ssize_t i;
    int l;
    for (i = 0; i < tape->guards_count; i++)
        for (l = 0; l < used; l++) {
            const Guard *guard = &tape->guards[i];
            double a = values[(Py_ssize_t)guard->a * WIDTH + l];
            double b = values[(Py_ssize_t)guard->b * WIDTH + l];
            if (compared(guard->compare, a, b) != guard->holds) return 0;
        }
    return 1;
}

/* What belongs to a batch: its arguments, and memory for lanes. */
typedef struct {
    Py_buffer places, several, outputs, slopes;
    Py_ssize_t lanes, count;
    double *memory, *values, *gradients;
} Batch;

static int is_batch_of(const Batch *batch, const Tape *tape) {
    const Py_ssize_t row = batch->lanes * (Py_ssize_t)sizeof(double);
    const int32_t *places = batch->places.buf;
    Py_ssize_t i, rows = batch->places.len / (Py_ssize_t)sizeof(int32_t);
    if (batch->lanes <= 0 || batch->lanes > PY_SSIZE_T_MAX / (Py_ssize_t)sizeof(double)) return 0;
    if (batch->count < 0 || batch->count > tape->inputs || !tape->outputs_count) return 0;
    for (i = 0; i < rows; i++)
        if (!is_place(places[i], tape->inputs)) return 0;
    return batch->several.len % row == 0 && batch->several.len / row == rows &&
           batch->outputs.len % row == 0 && batch->outputs.len / row == tape->outputs_count &&
           batch->slopes.len == batch->several.len;
}

/* The runs of a batch: 1, 0 if one is not as recorded, -1 if one is not ordinary. */
static int ran_batch(const Tape *tape, const Batch *batch) {
    const int32_t *places = batch->places.buf;
    Py_ssize_t lanes = batch->lanes, rows = batch->places.len / (Py_ssize_t)sizeof(int32_t);
    Py_ssize_t begin, i;
    double *values = batch->values, *gradients = batch->gradients;
    int l;
    for (i = tape->inputs; i < tape->first; i++)
        EACH values[i * WIDTH + l] = tape->values[i];
    memset(gradients, 0, sizeof(double) * WIDTH * (size_t)tape->inputs);
    for (begin = 0; begin < lanes; begin += WIDTH) {
        int used = lanes - begin < WIDTH ? (int)(lanes - begin) : WIDTH;
        const double *given = (const double *)batch->several.buf + begin;
        for (i = 0; i < rows; i++)
            EACH values[(Py_ssize_t)places[i] * WIDTH + l] = given[i * lanes + (l < used ? l : 0)];
        if (!computed_lanes(tape, values)) return -1;
        if (!lanes_as_recorded(tape, values, used)) return 0;
        for (i = 0; i < tape->outputs_count; i++)
            memcpy((double *)batch->outputs.buf + i * lanes + begin,
                   values + (Py_ssize_t)tape->outputs[i] * WIDTH, sizeof(double) * (size_t)used);
        if (!batch->count) continue;
        for (i = 0; i < rows; i++) EACH gradients[(Py_ssize_t)places[i] * WIDTH + l] = 0.0;
        swept_lanes(tape, values, gradients, used);
        for (i = 0; i < rows; i++)
            memcpy((double *)batch->slopes.buf + i * lanes + begin,
                   gradients + (Py_ssize_t)places[i] * WIDTH, sizeof(double) * (size_t)used);
    }
    return 1;
}

/* run_batch(numbers, places, several, lanes, count, outputs, slopes): so many runs.  Each has the
   numbers, but at these places one of its own, which stand in several, those of a place one after
   the other; so do the outputs and the slopes of these places, which are written.  It gives for
   so many inputs the sum of their gradients, of those with one number; or None, False as run(). */
static PyObject *tape_run_batch(Tape *tape, PyObject *args) {
    Batch batch;
    PyObject *numbers, *sums = NULL;
    size_t bytes = sizeof(double) * WIDTH * (size_t)(tape->size + 1);
    Py_ssize_t i;
    int l, found = 0, fits;
    if (!PyArg_ParseTuple(args, "Oy*y*nnw*w*", &numbers, &batch.places, &batch.several,
                          &batch.lanes, &batch.count, &batch.outputs, &batch.slopes))
        return NULL;
    fits = is_batch_of(&batch, tape);
    if (!fits) PyErr_SetString(PyExc_ValueError, "a batch does not fit the tape");
    batch.memory = NULL;
    if (fits && !(batch.memory = PyMem_Malloc(2 * bytes + LINE))) {
        PyErr_NoMemory();
        fits = 0;
    }
    if (fits) {
        batch.values = batch.memory + (LINE - (uintptr_t)batch.memory % LINE) / sizeof(double);
        batch.gradients = batch.values + bytes / sizeof(double);
        fits = filled(tape, numbers, batch.values, WIDTH);
    }
    if (fits) {
        found = ran_batch(tape, &batch);
        if (found > 0) sums = PyList_New(batch.count);
        for (i = 0; sums && i < batch.count; i++) {
            double sum = 0.0;
            PyObject *number;
            EACH sum += batch.gradients[i * WIDTH + l];
            number = PyFloat_FromDouble(sum);
            if (!number) Py_CLEAR(sums);
            else PyList_SET_ITEM(sums, i, number);
        }
    }
    PyMem_Free(batch.memory);
    PyBuffer_Release(&batch.places);
    PyBuffer_Release(&batch.several);
    PyBuffer_Release(&batch.outputs);
    PyBuffer_Release(&batch.slopes);
    if (!fits || found > 0) return sums;
    if (!found) Py_RETURN_NONE;
    Py_RETURN_FALSE;
}

static PyMethodDef methods[] = {
    {"run", (PyCFunction)tape_run, METH_VARARGS, "run(inputs, count): outputs and gradients."},
    {"run_batch", (PyCFunction)tape_run_batch, METH_VARARGS,
     "run_batch(numbers, places, several, lanes, count, outputs, slopes): several runs at once."},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject tape_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "autograd_mini._build.tape_compiled.Tape",
    .tp_basicsize = sizeof(Tape),
    .tp_dealloc = (destructor)tape_dealloc,
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_doc = "The operations of a recorded graph over floats.",
    .tp_methods = methods,
    .tp_new = tape_new,
};

/* An operation of one operand for each number of an array. */
static PyObject *elements(PyObject *module, PyObject *arguments) {
    Py_buffer given, made;
    Py_ssize_t i, count;
    int operation, unusual = 0;
    (void)module;
    if (!PyArg_ParseTuple(arguments, "iy*w*", &operation, &given, &made)) return NULL;
    count = given.len / (Py_ssize_t)sizeof(double);
    if (operation < 0 || operation >= OPERATIONS || given.len != made.len) {
        PyErr_SetString(PyExc_ValueError, "an operation, an array and one as large for the result");
        count = -1;
    }
    for (i = 0; i < count; i++) {
        double x = ((const double *)given.buf)[i], y = x, z = x, out = x;
        switch (operation) { VALUES }
        (void)y, (void)z;
        ((double *)made.buf)[i] = out;
    }
    (void)unusual;
    PyBuffer_Release(&given);
    PyBuffer_Release(&made);
    if (count < 0) return NULL;
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"elements", elements, METH_VARARGS,
     "elements(operation, array, result): an operation of one operand, for each number."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "tape_compiled", "Tapes, compiled.", -1, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_tape_compiled(void) {
    PyObject *module, *math, *names;
    int i;
    if (PyType_Ready(&tape_type) < 0) return NULL;
    math = PyImport_ImportModule("math");
    if (!math) return NULL;
    hypot_of_python = PyObject_GetAttrString(math, "hypot");
    Py_DECREF(math);
    module = hypot_of_python ? PyModule_Create(&definition) : NULL;
    names = module ? PyTuple_New(OPERATIONS) : NULL;
    for (i = 0; names && i < OPERATIONS; i++) {
        PyObject *name = PyUnicode_FromString(operation_names[i]);
        if (!name) Py_CLEAR(names);
        else PyTuple_SET_ITEM(names, i, name);
    }
    if (!names || PyModule_AddObject(module, "OPERATIONS", names) < 0 ||
        PyModule_AddStringConstant(module, "MADE_FROM", MADE_FROM) < 0 ||
        PyModule_AddObjectRef(module, "Tape", (PyObject *)&tape_type) < 0) {
        Py_XDECREF(module);
        return NULL;
    }
    return module;
}
