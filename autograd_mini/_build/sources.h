/* The hashes of the sources, which setup.py gives to the compiler as SOURCES. */
#define TEXT(...) #__VA_ARGS__
#define TEXT_OF(...) TEXT(__VA_ARGS__)
#define MADE_FROM TEXT_OF(SOURCES)
