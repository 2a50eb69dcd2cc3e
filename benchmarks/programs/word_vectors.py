import numpy as np

np.random.seed(1)
corpus = "the quick brown fox jumps over the lazy dog and the quick cat sleeps".split()
vocabulary = sorted(set(corpus))
index = {word: i for i, word in enumerate(vocabulary)}
window = 2
pairs = []
for position, word in enumerate(corpus):
    for offset in range(-window, window + 1):
        if offset != 0 and 0 <= position + offset < len(corpus):
            pairs.append((index[word], index[corpus[position + offset]]))

dimension = 5
embedding = np.random.randn(len(vocabulary), dimension) * 0.1
output = np.random.randn(dimension, len(vocabulary)) * 0.1


def softmax(u):
    e = np.exp(u - u.max())
    return e / e.sum()


for epoch in range(20):
    loss = 0.0
    for center, context in pairs:
        h = embedding[center]
        probabilities = softmax(h @ output)
        loss -= np.log(probabilities[context])
        # backward
        error = probabilities.copy()
        error[context] -= 1
        d_output = np.outer(h, error)
        d_h = output @ error
        output -= 0.05 * d_output
        embedding[center] -= 0.05 * d_h
    print(epoch, loss / len(pairs))
