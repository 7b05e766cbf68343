/* A call of a step from Python: checks that the arrays are laid out as before, and runs. */
#define PY_SSIZE_T_CLEAN
#define NPY_NO_DEPRECATED_API NPY_1_7_API_VERSION
#include <Python.h>
#include <numpy/arrayobject.h>
#include <pthread.h>
#include <stddef.h>

typedef long long Index;

typedef struct {
    Py_ssize_t place;     /* in the table, or -1 where the input is not read */
    PyArray_Descr *dtype;
    int ndim;
    npy_intp shape[NPY_MAXDIMS];
} Layout;

typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    void (*run)(void *memory, const Index *sizes, Index steps, Index call, Index threads);
    void **memory;
    const Index *sizes;
    Py_ssize_t count;
    Layout *inputs;
    PyObject *outputs;    /* arrays that look at the results */
    PyObject *owner;      /* keeps the memory alive */
    Index threads;
    int single;
    int is_long;          /* so that other threads of Python may run meanwhile */
} Entry;

/* The threads of a pool do not live on in a forked child, and waiting for them would never end. */
static int forked;

static void note_fork(void)
{
    forked = 1;
}

static int fits(const Layout *input, PyObject *value)
{
    if (!PyArray_CheckExact(value)) return 0;
    PyArrayObject *array = (PyArrayObject *)value;
    if (PyArray_DESCR(array) != input->dtype || PyArray_NDIM(array) != input->ndim) return 0;
    for (int axis = 0; axis < input->ndim; axis++)
        if (PyArray_DIM(array, axis) != input->shape[axis]) return 0;
    return PyArray_ISCARRAY_RO(array);
}

/* The outputs, or None where an argument is not like those that this was made for: then nothing has been done. */
static PyObject *entry_call(PyObject *self, PyObject *const *values, size_t flags, PyObject *names)
{
    Entry *entry = (Entry *)self;
    if (PyVectorcall_NARGS(flags) != entry->count || (names && PyTuple_GET_SIZE(names))) Py_RETURN_NONE;
    for (Py_ssize_t i = 0; i < entry->count; i++)
        if (!fits(&entry->inputs[i], values[i])) Py_RETURN_NONE;
    for (Py_ssize_t i = 0; i < entry->count; i++)
        if (entry->inputs[i].place >= 0) entry->memory[entry->inputs[i].place] = PyArray_DATA((PyArrayObject *)values[i]);
    if (entry->is_long) {
        Py_BEGIN_ALLOW_THREADS
        entry->run(entry->memory, entry->sizes, 1, 0, forked ? 1 : entry->threads);
        Py_END_ALLOW_THREADS
    } else {
        entry->run(entry->memory, entry->sizes, 1, 0, forked ? 1 : entry->threads);
    }
    if (entry->single) return PyArray_NewCopy((PyArrayObject *)PyTuple_GET_ITEM(entry->outputs, 0), NPY_CORDER);
    const Py_ssize_t count = PyTuple_GET_SIZE(entry->outputs);
    PyObject *results = PyList_New(count);
    for (Py_ssize_t i = 0; results && i < count; i++) {
        PyObject *copy = PyArray_NewCopy((PyArrayObject *)PyTuple_GET_ITEM(entry->outputs, i), NPY_CORDER);
        if (!copy) Py_CLEAR(results);
        else PyList_SET_ITEM(results, i, copy);
    }
    return results;
}

static void entry_free(PyObject *self)
{
    Entry *entry = (Entry *)self;
    for (Py_ssize_t i = 0; i < entry->count; i++) Py_XDECREF((PyObject *)entry->inputs[i].dtype);
    PyMem_Free(entry->inputs);
    Py_XDECREF(entry->outputs);
    Py_XDECREF(entry->owner);
    Py_TYPE(self)->tp_free(self);
}

/* Entry(run, memory, sizes, inputs, outputs, owner, threads, single, is_long): addresses, (place, array laid out alike),
   arrays that look at the results. */
static PyObject *entry_new(PyTypeObject *type, PyObject *arguments, PyObject *names)
{
    unsigned long long run, memory, sizes;
    PyObject *inputs, *outputs, *owner;
    long long threads;
    int single, is_long;
    if (names && PyDict_GET_SIZE(names)) return PyErr_Format(PyExc_TypeError, "Entry takes no keywords");
    if (!PyArg_ParseTuple(arguments, "KKKO!O!OLpp", &run, &memory, &sizes, &PyTuple_Type, &inputs, &PyTuple_Type,
                          &outputs, &owner, &threads, &single, &is_long))
        return NULL;
    Entry *entry = (Entry *)type->tp_alloc(type, 0);
    if (!entry) return NULL;
    entry->call = entry_call;
    entry->run = (void (*)(void *, const Index *, Index, Index, Index))(uintptr_t)run;
    entry->memory = (void **)(uintptr_t)memory;
    entry->sizes = (const Index *)(uintptr_t)sizes;
    entry->threads = threads;
    entry->single = single;
    entry->is_long = is_long;
    entry->outputs = Py_NewRef(outputs);
    entry->owner = Py_NewRef(owner);
    entry->inputs = PyMem_Calloc((size_t)PyTuple_GET_SIZE(inputs) + 1, sizeof(Layout));
    if (!entry->inputs) {
        Py_DECREF(entry);
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(inputs); i++) {
        Layout *input = &entry->inputs[i];
        PyObject *array;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(inputs, i), "nO!", &input->place, &PyArray_Type, &array)) {
            Py_DECREF(entry);
            return NULL;
        }
        input->dtype = (PyArray_Descr *)Py_NewRef((PyObject *)PyArray_DESCR((PyArrayObject *)array));
        input->ndim = PyArray_NDIM((PyArrayObject *)array);
        for (int axis = 0; axis < input->ndim; axis++) input->shape[axis] = PyArray_DIM((PyArrayObject *)array, axis);
        entry->count = i + 1;
    }
    return (PyObject *)entry;
}

static PyTypeObject entry_type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "symopt_call.Entry",
    .tp_basicsize = sizeof(Entry),
    .tp_dealloc = entry_free,
    .tp_call = PyVectorcall_Call,
    .tp_vectorcall_offset = offsetof(Entry, call),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL,
    .tp_new = entry_new,
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "symopt_call", .m_size = -1};

PyMODINIT_FUNC PyInit_symopt_call(void)
{
    import_array();
    pthread_atfork(NULL, NULL, note_fork);
    if (PyType_Ready(&entry_type) < 0) return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module && PyModule_AddObjectRef(module, "Entry", (PyObject *)&entry_type) < 0) Py_CLEAR(module);
    return module;
}
