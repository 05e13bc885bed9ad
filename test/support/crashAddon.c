/**
 * A native module that crashes on purpose, for the tests of the worker process. Compiled by the test that uses it;
 * never part of a build.
 */
#include <node_api.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static napi_value abortNow(napi_env env, napi_callback_info info) {
    (void)env;
    (void)info;
    fprintf(stderr, "native code is about to abort\n");
    abort();
}

static void* writeToNull(void* target) {
    *(volatile int*)target = 1;
    return NULL;
}

/* Engine builders work on threads of their own: a fault there must look the same from outside. */
static napi_value faultInThread(napi_env env, napi_callback_info info) {
    (void)env;
    (void)info;
    fprintf(stderr, "native code is about to fault\n");
    pthread_t thread;
    pthread_create(&thread, NULL, writeToNull, NULL);
    pthread_join(thread, NULL);
    return NULL;
}

static void export(napi_env env, napi_value exports, const char* name, napi_callback callback) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, NULL, &function);
    napi_set_named_property(env, exports, name, function);
}

NAPI_MODULE_INIT() {
    export(env, exports, "abortNow", abortNow);
    export(env, exports, "faultInThread", faultInThread);
    return exports;
}
