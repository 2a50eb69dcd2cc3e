"""Losses with hand-derived backward passes, written as a person writes them.

Each network is a function of its data that returns its loss, a backward pass, and, for most,
the same pass in other words.  The data, and with it the arithmetic, may be of any precision.
All are right; ``autograd_mini.testing`` plants the mistakes.

``NETWORKS`` are straight-line functions that return each gradient that they derive;
``FORMS`` are other networks, and the same in the forms that code has: helper functions,
classes, loops.
"""

from passes.layers import (
    class_with_attributes,
    classes_of_layers,
    convolution,
    dicts_of_layers,
    focal_loss,
    helper_functions,
    layer_norm,
    lists_of_layers,
)
from passes.network import Network as Network
from passes.network import Sample as Sample
from passes.network import networks
from passes.network import numbers as numbers
from passes.network import sample as sample
from passes.sequences import (
    causal_attention,
    character_rnn,
    embedding,
    gru,
    lstm,
    tied_weights,
)
from passes.straight import (
    attention,
    batch_normalised,
    binary_classifier,
    gated,
    layer_normalised,
    recurrent,
    relu_classifier,
    tanh_regression,
    textbook,
)

NETWORKS = networks(
    (textbook, "X:ND T:unitNK", "W1:DH b1:H W2:HK b2:K"),
    (tanh_regression, "X:ND T:NK", "W1:DH b1:H W2:HG b2:G W3:GK b3:K"),
    (relu_classifier, "X:ND T:hotNK", "W1:DH b1:H W2:HG b2:G W3:GK b3:K"),
    (binary_classifier, "X:ND y:bitN1", "W1:DH b1:1H W2:H1 b2:11"),
    (batch_normalised, "X:ND T:hotNK", "W1:DH gamma:H beta:H W2:HK b2:K"),
    (recurrent, "x1:ND x2:ND x3:ND T:NK", "Wx:DH Wh:HH b:H Wy:HK by:K"),
    (gated, "x:ND h0:NK T:NK", "Wr:DK Ur:KK Wu:DK Uu:KK Wc:DK Uc:KK"),
    (attention, "X:ND T:NK", "Wq:DH Wk:DH Wv:DG Wo:GK"),
    (layer_normalised, "X:ND T:NK", "W1:DH b1:H gain:H shift:H W2:HK"),
)

FORMS = networks(
    (helper_functions, "X:ND T:unitNK", "W1:DH b1:H W2:HK b2:K", "helpers"),
    (class_with_attributes, "X:ND T:hotNK", "W1:DH b1:H W2:HK b2:K", "class"),
    (classes_of_layers, "X:ND T:NK", "W1:DH b1:H W2:HK b2:K", "class"),
    (lists_of_layers, "X:ND T:unitNK", "W1:DH b1:H W2:HG b2:G W3:GK b3:K", "loop"),
    (dicts_of_layers, "X:DN Y:bit1N", "W1:HD b1:H1 W2:GH b2:G1 W3:1G b3:11", "loop"),
    (convolution, "X:NC66 T:hotNK", "W1:FC33 b1:F W2:GF33 b2:G W3:(G)K b3:K", "helpers"),
    (layer_norm, "X:ND T:NK", "W0:DK gain:K shift:K W1:KH b1:H W2:HK b2:K", "helpers"),
    (focal_loss, "X:ND y:bitN1", "W1:DH b1:H W2:H1 b2:1"),
    (
        gru,
        "X:SND T:NK",
        "Wr:DH Ur:HH br:H Wu:DH Uu:HH bu:H Wc:DH Uc:HH bc:H Wy:HK",
        "loop",
    ),
    (lstm, "X:SND T:NK", "Wx:D(4H) Wh:H(4H) b:(4H) Wy:HK by:K", "class"),
    (character_rnn, "ids:indexV,S targets:indexV,S", "Wxh:HV Whh:HH Why:VH bh:H1 by:V1", "loop"),
    (causal_attention, "X:NSD T:NSK", "Wq:DH Wk:DH Wv:DG Wo:GK bo:K"),
    (embedding, "ids:indexV,NS targets:indexK,N", "C:VD W1:(SD)H b1:H W2:HK b2:K"),
    (tied_weights, "ids:indexV,N targets:indexV,N", "E:VD W:DD b:D"),
)
