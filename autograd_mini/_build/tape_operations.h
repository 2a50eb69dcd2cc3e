/* The operations of a tape, over floats.

   Printed from the table by `python -m autograd_mini._build.generate`: do not edit. */

static inline double value_add(double x, double y) {
    return (x + y);
}
static inline double slope_add_x(double out, double x, double y) {
    (void)out;
    (void)x;
    (void)y;
    return 1.0;
}
static inline double slope_add_y(double out, double x, double y) {
    (void)out;
    (void)x;
    (void)y;
    return 1.0;
}

static inline double value_sub(double x, double y) {
    return (x - y);
}
static inline double slope_sub_x(double out, double x, double y) {
    (void)out;
    (void)x;
    (void)y;
    return 1.0;
}
static inline double slope_sub_y(double out, double x, double y) {
    (void)out;
    (void)x;
    (void)y;
    return (-1.0);
}

static inline double value_mul(double x, double y) {
    return (x * y);
}
static inline double slope_mul_x(double out, double x, double y) {
    (void)out;
    (void)x;
    return y;
}
static inline double slope_mul_y(double out, double x, double y) {
    (void)out;
    (void)y;
    return x;
}

static inline double value_div(double x, double y) {
    return (x / y);
}
static inline double slope_div_x(double out, double x, double y) {
    (void)out;
    (void)x;
    return (1.0 / y);
}
static inline double slope_div_y(double out, double x, double y) {
    (void)x;
    return ((-out) / y);
}

static inline double value_pow(double x, double y) {
    return pow(x, y);
}
static inline double slope_pow_x(double out, double x, double y) {
    return ((out != out) ? out : (((x == 0.0) && (y < 1.0)) ? ((y == 0.0) ? 0.0 : (y * INFINITY)) : ((y == 0.0) ? (y / x) : (y * pow(x, (y - 1.0))))));
}
static inline double slope_pow_y(double out, double x, double y) {
    return ((x > 0.0) ? (out * log(x)) : (((x == 0.0) && (y >= 0.0)) ? 0.0 : (NAN * out)));
}

static inline double value_neg(double x) {
    return (-x);
}
static inline double slope_neg_x(double out, double x) {
    (void)out;
    (void)x;
    return (-1.0);
}

static inline double value_positive(double x) {
    return (+x);
}
static inline double slope_positive_x(double out, double x) {
    (void)out;
    (void)x;
    return 1.0;
}

static inline double value_exp(double x) {
    return exp(x);
}
static inline double slope_exp_x(double out, double x) {
    (void)x;
    return out;
}

static inline double value_expm1(double x) {
    return expm1(x);
}
static inline double slope_expm1_x(double out, double x) {
    (void)out;
    return exp(x);
}

static inline double value_log(double x) {
    return log(x);
}
static inline double slope_log_x(double out, double x) {
    return ((out != out) ? out : (1.0 / x));
}

static inline double value_log1p(double x) {
    return log1p(x);
}
static inline double slope_log1p_x(double out, double x) {
    return ((out != out) ? out : (1.0 / (1.0 + x)));
}

static inline double value_log2(double x) {
    return log2(x);
}
static inline double slope_log2_x(double out, double x) {
    return ((out != out) ? out : (1.0 / (x * log(2.0))));
}

static inline double value_log10(double x) {
    return log10(x);
}
static inline double slope_log10_x(double out, double x) {
    return ((out != out) ? out : (1.0 / (x * log(10.0))));
}

static inline double value_sqrt(double x) {
    return sqrt(x);
}
static inline double slope_sqrt_x(double out, double x) {
    return ((x == 0.0) ? INFINITY : (0.5 / out));
}

static inline double value_square(double x) {
    return (x * x);
}
static inline double slope_square_x(double out, double x) {
    (void)out;
    return (2.0 * x);
}

static inline double value_reciprocal(double x) {
    return (1.0 / x);
}
static inline double slope_reciprocal_x(double out, double x) {
    return ((-out) / x);
}

static inline double value_sin(double x) {
    return sin(x);
}
static inline double slope_sin_x(double out, double x) {
    (void)out;
    return cos(x);
}

static inline double value_cos(double x) {
    return cos(x);
}
static inline double slope_cos_x(double out, double x) {
    (void)out;
    return (-sin(x));
}

static inline double value_tan(double x) {
    return tan(x);
}
static inline double slope_tan_x(double out, double x) {
    (void)x;
    return (1.0 + (out * out));
}

static inline double value_arcsin(double x) {
    return asin(x);
}
static inline double slope_arcsin_x(double out, double x) {
    return ((out != out) ? out : ((python_abs(x) == 1.0) ? INFINITY : (1.0 / sqrt(((1.0 - x) * (1.0 + x))))));
}

static inline double value_arccos(double x) {
    return acos(x);
}
static inline double slope_arccos_x(double out, double x) {
    return ((out != out) ? out : ((python_abs(x) == 1.0) ? (-INFINITY) : ((-1.0) / sqrt(((1.0 - x) * (1.0 + x))))));
}

static inline double value_arctan(double x) {
    return atan(x);
}
static inline double slope_arctan_x(double out, double x) {
    (void)out;
    return (1.0 / (1.0 + (x * x)));
}

static inline double value_arctan2(double x, double y) {
    return atan2(x, y);
}
static inline double slope_arctan2_x(double out, double x, double y) {
    const double r = hypot(x, y);
    return ((out != out) ? out : ((r == 0.0) ? 0.0 : ((y / r) / r)));
}
static inline double slope_arctan2_y(double out, double x, double y) {
    const double r = hypot(x, y);
    return ((out != out) ? out : ((r == 0.0) ? 0.0 : (((-x) / r) / r)));
}

static inline double value_sinh(double x) {
    return sinh(x);
}
static inline double slope_sinh_x(double out, double x) {
    (void)out;
    return cosh(x);
}

static inline double value_cosh(double x) {
    return cosh(x);
}
static inline double slope_cosh_x(double out, double x) {
    (void)out;
    return sinh(x);
}

static inline double value_tanh(double x) {
    return tanh(x);
}
static inline double slope_tanh_x(double out, double x) {
    const double logaddexp_x = x;
    const double logaddexp_y = (-x);
    const double maximum_x = logaddexp_x;
    const double maximum_y = logaddexp_y;
    return ((python_abs(x) > 2.5) ? (4.0 * exp(((-2.0) * ((logaddexp_x == logaddexp_y) ? (logaddexp_x + log(2.0)) : ((((maximum_x >= maximum_y) || (maximum_x != maximum_x)) ? maximum_x : maximum_y) + log1p(exp((-python_abs((logaddexp_x - logaddexp_y)))))))))) : (1.0 - (out * out)));
}

static inline double value_arcsinh(double x) {
    return asinh(x);
}
static inline double slope_arcsinh_x(double out, double x) {
    (void)out;
    return (1.0 / hypot(x, 1.0));
}

static inline double value_arccosh(double x) {
    return acosh(x);
}
static inline double slope_arccosh_x(double out, double x) {
    return ((out != out) ? out : ((x == 1.0) ? INFINITY : (1.0 / (sqrt((x - 1.0)) * sqrt((x + 1.0))))));
}

static inline double value_arctanh(double x) {
    return atanh(x);
}
static inline double slope_arctanh_x(double out, double x) {
    return ((out != out) ? out : (1.0 / ((1.0 - x) * (1.0 + x))));
}

static inline double value_abs(double x) {
    return python_abs(x);
}
static inline double slope_abs_x(double out, double x) {
    (void)out;
    const double sign_x = x;
    return ((sign_x > 0.0) ? 1.0 : ((sign_x < 0.0) ? (-1.0) : ((sign_x == 0.0) ? 0.0 : NAN)));
}

static inline double value_sign(double x) {
    return ((x > 0.0) ? 1.0 : ((x < 0.0) ? (-1.0) : ((x == 0.0) ? 0.0 : NAN)));
}
static inline double slope_sign_x(double out, double x) {
    (void)out;
    (void)x;
    return 0.0;
}

static inline double value_floor(double x) {
    return python_floor(x);
}
static inline double slope_floor_x(double out, double x) {
    (void)out;
    (void)x;
    return 0.0;
}

static inline double value_ceil(double x) {
    return python_ceil(x);
}
static inline double slope_ceil_x(double out, double x) {
    (void)out;
    (void)x;
    return 0.0;
}

static inline double value_trunc(double x) {
    return python_trunc(x);
}
static inline double slope_trunc_x(double out, double x) {
    (void)out;
    (void)x;
    return 0.0;
}

static inline double value_rint(double x) {
    return python_rint(x);
}
static inline double slope_rint_x(double out, double x) {
    (void)out;
    (void)x;
    return 0.0;
}

static inline double value_mod(double x, double y) {
    return python_mod(x, y);
}
static inline double slope_mod_x(double out, double x, double y) {
    (void)out;
    (void)x;
    (void)y;
    return 1.0;
}
static inline double slope_mod_y(double out, double x, double y) {
    (void)out;
    return ((y == 0.0) ? (NAN * y) : (-python_floor_divide(x, y)));
}

static inline double value_floor_divide(double x, double y) {
    return python_floor_divide(x, y);
}
static inline double slope_floor_divide_x(double out, double x, double y) {
    (void)out;
    (void)x;
    (void)y;
    return 0.0;
}
static inline double slope_floor_divide_y(double out, double x, double y) {
    (void)out;
    (void)x;
    (void)y;
    return 0.0;
}

static inline double value_sigmoid(double x) {
    return ((x < (-11.0)) ? (exp(x) / (1.0 + exp(x))) : (1.0 / (1.0 + exp((-x)))));
}
static inline double slope_sigmoid_x(double out, double x) {
    const double sigmoid_x = (-x);
    return ((x > 4.0) ? (out * ((sigmoid_x < (-11.0)) ? (exp(sigmoid_x) / (1.0 + exp(sigmoid_x))) : (1.0 / (1.0 + exp((-sigmoid_x)))))) : (out * (1.0 - out)));
}

static inline double value_softplus(double x) {
    const double maximum_x = x;
    const double maximum_y = 0.0;
    return ((((maximum_x >= maximum_y) || (maximum_x != maximum_x)) ? maximum_x : maximum_y) + log1p(exp((-python_abs(x)))));
}
static inline double slope_softplus_x(double out, double x) {
    (void)out;
    const double sigmoid_x = x;
    return ((sigmoid_x < (-11.0)) ? (exp(sigmoid_x) / (1.0 + exp(sigmoid_x))) : (1.0 / (1.0 + exp((-sigmoid_x)))));
}

static inline double value_log_sigmoid(double x) {
    const double minimum_x = x;
    const double minimum_y = 0.0;
    return ((((minimum_x <= minimum_y) || (minimum_x != minimum_x)) ? minimum_x : minimum_y) - log1p(exp((-python_abs(x)))));
}
static inline double slope_log_sigmoid_x(double out, double x) {
    (void)out;
    const double sigmoid_x = (-x);
    return ((sigmoid_x < (-11.0)) ? (exp(sigmoid_x) / (1.0 + exp(sigmoid_x))) : (1.0 / (1.0 + exp((-sigmoid_x)))));
}

static inline double value_relu(double x) {
    const double maximum_x = x;
    const double maximum_y = 0.0;
    return (((maximum_x >= maximum_y) || (maximum_x != maximum_x)) ? maximum_x : maximum_y);
}
static inline double slope_relu_x(double out, double x) {
    return ((out != out) ? out : ((x > 0.0) ? 1.0 : 0.0));
}

static inline double value_leaky_relu(double x, double slope) {
    return ((x > 0.0) ? x : (slope * x));
}
static inline double slope_leaky_relu_x(double out, double x, double slope) {
    return ((out != out) ? out : ((x > 0.0) ? 1.0 : slope));
}
static inline double slope_leaky_relu_slope(double out, double x, double slope) {
    (void)slope;
    return ((out != out) ? out : ((x > 0.0) ? 0.0 : x));
}

static inline double value_elu(double x, double alpha) {
    const double minimum_x = x;
    const double minimum_y = 0.0;
    return ((x > 0.0) ? x : (alpha * expm1((((minimum_x <= minimum_y) || (minimum_x != minimum_x)) ? minimum_x : minimum_y))));
}
static inline double slope_elu_x(double out, double x, double alpha) {
    const double minimum_x = x;
    const double minimum_y = 0.0;
    return ((x < (-3.0)) ? (alpha * exp((((minimum_x <= minimum_y) || (minimum_x != minimum_x)) ? minimum_x : minimum_y))) : ((x > 0.0) ? 1.0 : (out + alpha)));
}
static inline double slope_elu_alpha(double out, double x, double alpha) {
    (void)alpha;
    const double minimum_x = x;
    const double minimum_y = 0.0;
    return ((out != out) ? out : ((x > 0.0) ? 0.0 : expm1((((minimum_x <= minimum_y) || (minimum_x != minimum_x)) ? minimum_x : minimum_y))));
}

static inline double value_silu(double x) {
    const double sigmoid_x = x;
    const double s = ((sigmoid_x < (-11.0)) ? (exp(sigmoid_x) / (1.0 + exp(sigmoid_x))) : (1.0 / (1.0 + exp((-sigmoid_x)))));
    return (x * s);
}
static inline double slope_silu_x(double out, double x) {
    (void)out;
    const double sigmoid_x = x;
    const double s = ((sigmoid_x < (-11.0)) ? (exp(sigmoid_x) / (1.0 + exp(sigmoid_x))) : (1.0 / (1.0 + exp((-sigmoid_x)))));
    return (s * (1.0 + (x * (1.0 - s))));
}

static inline double value_maximum(double x, double y) {
    return (((x >= y) || (x != x)) ? x : y);
}
static inline double slope_maximum_x(double out, double x, double y) {
    return ((out != out) ? out : ((x > y) ? 1.0 : ((x == y) ? 0.5 : 0.0)));
}
static inline double slope_maximum_y(double out, double x, double y) {
    return ((out != out) ? out : ((x > y) ? 0.0 : ((x == y) ? 0.5 : 1.0)));
}

static inline double value_minimum(double x, double y) {
    return (((x <= y) || (x != x)) ? x : y);
}
static inline double slope_minimum_x(double out, double x, double y) {
    return ((out != out) ? out : ((x < y) ? 1.0 : ((x == y) ? 0.5 : 0.0)));
}
static inline double slope_minimum_y(double out, double x, double y) {
    return ((out != out) ? out : ((x < y) ? 0.0 : ((x == y) ? 0.5 : 1.0)));
}

static inline double value_where(double condition, double x, double y) {
    return (condition ? x : y);
}
static inline double slope_where_x(double out, double condition, double x, double y) {
    (void)out;
    (void)x;
    (void)y;
    return (condition ? 1.0 : 0.0);
}
static inline double slope_where_y(double out, double condition, double x, double y) {
    (void)out;
    (void)x;
    (void)y;
    return (condition ? 0.0 : 1.0);
}

static inline double value_clip(double x, double low, double high) {
    const double maximum_x = x;
    const double maximum_y = low;
    const double minimum_x = (((maximum_x >= maximum_y) || (maximum_x != maximum_x)) ? maximum_x : maximum_y);
    const double minimum_y = high;
    return (((minimum_x <= minimum_y) || (minimum_x != minimum_x)) ? minimum_x : minimum_y);
}
static inline double slope_clip_x(double out, double x, double low, double high) {
    return ((out != out) ? out : (((x >= low) && (x <= high)) ? 1.0 : 0.0));
}
static inline double slope_clip_low(double out, double x, double low, double high) {
    return ((out != out) ? out : (((x < low) && (low <= high)) ? 1.0 : 0.0));
}
static inline double slope_clip_high(double out, double x, double low, double high) {
    return ((out != out) ? out : (((x > high) || (low > high)) ? 1.0 : 0.0));
}

static inline double value_hypot(double x, double y) {
    return hypot(x, y);
}
static inline double slope_hypot_x(double out, double x, double y) {
    (void)y;
    return ((out == 0.0) ? 0.0 : (x / out));
}
static inline double slope_hypot_y(double out, double x, double y) {
    (void)x;
    return ((out == 0.0) ? 0.0 : (y / out));
}

static inline double value_logaddexp(double x, double y) {
    const double maximum_x = x;
    const double maximum_y = y;
    return ((x == y) ? (x + log(2.0)) : ((((maximum_x >= maximum_y) || (maximum_x != maximum_x)) ? maximum_x : maximum_y) + log1p(exp((-python_abs((x - y)))))));
}
static inline double slope_logaddexp_x(double out, double x, double y) {
    (void)out;
    const double sigmoid_x = (x - y);
    return ((sigmoid_x < (-11.0)) ? (exp(sigmoid_x) / (1.0 + exp(sigmoid_x))) : (1.0 / (1.0 + exp((-sigmoid_x)))));
}
static inline double slope_logaddexp_y(double out, double x, double y) {
    (void)out;
    const double sigmoid_x = (y - x);
    return ((sigmoid_x < (-11.0)) ? (exp(sigmoid_x) / (1.0 + exp(sigmoid_x))) : (1.0 / (1.0 + exp((-sigmoid_x)))));
}

static inline double value_erf(double x) {
    return erf(x);
}
static inline double slope_erf_x(double out, double x) {
    (void)out;
    return ((2.0 / sqrt(M_PI)) * exp((-(x * x))));
}

static inline double value_erfc(double x) {
    return erfc(x);
}
static inline double slope_erfc_x(double out, double x) {
    (void)out;
    return (((-2.0) / sqrt(M_PI)) * exp((-(x * x))));
}

static inline double value_gelu(double x) {
    return (x * (erfc(((-x) / sqrt(2.0))) / 2.0));
}
static inline double slope_gelu_x(double out, double x) {
    return (((python_abs(x) < 0.001) ? (erfc(((-x) / sqrt(2.0))) / 2.0) : (out / x)) + ((x * exp(((-(x * x)) / 2.0))) / sqrt((2.0 * M_PI))));
}

#define OPERATIONS 53
static const char *const operation_names[] = {"add", "sub", "mul", "div", "pow", "neg", "positive", "exp", "expm1", "log", "log1p", "log2", "log10", "sqrt", "square", "reciprocal", "sin", "cos", "tan", "arcsin", "arccos", "arctan", "arctan2", "sinh", "cosh", "tanh", "arcsinh", "arccosh", "arctanh", "abs", "sign", "floor", "ceil", "trunc", "rint", "mod", "floor_divide", "sigmoid", "softplus", "log_sigmoid", "relu", "leaky_relu", "elu", "silu", "maximum", "minimum", "where", "clip", "hypot", "logaddexp", "erf", "erfc", "gelu"};

#define VALUES \
    case 0: out = value_add(x, y); break; \
    case 1: out = value_sub(x, y); break; \
    case 2: out = value_mul(x, y); break; \
    case 3: out = value_div(x, y); if (!isfinite(out)) unusual = 1; break; \
    case 4: out = value_pow(x, y); if (!isfinite(out)) unusual = 1; break; \
    case 5: out = value_neg(x); break; \
    case 6: out = value_positive(x); break; \
    case 7: out = value_exp(x); if (!isfinite(out)) unusual = 1; break; \
    case 8: out = value_expm1(x); if (!isfinite(out)) unusual = 1; break; \
    case 9: out = value_log(x); if (!isfinite(out)) unusual = 1; break; \
    case 10: out = value_log1p(x); if (!isfinite(out)) unusual = 1; break; \
    case 11: out = value_log2(x); if (!isfinite(out)) unusual = 1; break; \
    case 12: out = value_log10(x); if (!isfinite(out)) unusual = 1; break; \
    case 13: out = value_sqrt(x); if (!isfinite(out)) unusual = 1; break; \
    case 14: out = value_square(x); break; \
    case 15: out = value_reciprocal(x); if (!isfinite(out)) unusual = 1; break; \
    case 16: out = value_sin(x); if (!isfinite(out)) unusual = 1; break; \
    case 17: out = value_cos(x); if (!isfinite(out)) unusual = 1; break; \
    case 18: out = value_tan(x); if (!isfinite(out)) unusual = 1; break; \
    case 19: out = value_arcsin(x); if (!isfinite(out)) unusual = 1; break; \
    case 20: out = value_arccos(x); if (!isfinite(out)) unusual = 1; break; \
    case 21: out = value_arctan(x); break; \
    case 22: out = value_arctan2(x, y); if (!isfinite(out)) unusual = 1; break; \
    case 23: out = value_sinh(x); if (!isfinite(out)) unusual = 1; break; \
    case 24: out = value_cosh(x); if (!isfinite(out)) unusual = 1; break; \
    case 25: out = value_tanh(x); break; \
    case 26: out = value_arcsinh(x); if (!isfinite(out)) unusual = 1; break; \
    case 27: out = value_arccosh(x); if (!isfinite(out)) unusual = 1; break; \
    case 28: out = value_arctanh(x); if (!isfinite(out)) unusual = 1; break; \
    case 29: out = value_abs(x); break; \
    case 30: out = value_sign(x); break; \
    case 31: out = value_floor(x); break; \
    case 32: out = value_ceil(x); break; \
    case 33: out = value_trunc(x); break; \
    case 34: out = value_rint(x); break; \
    case 35: out = value_mod(x, y); if (!isfinite(out)) unusual = 1; break; \
    case 36: out = value_floor_divide(x, y); if (!isfinite(out)) unusual = 1; break; \
    case 37: out = value_sigmoid(x); if (!isfinite(out)) unusual = 1; break; \
    case 38: out = value_softplus(x); if (!isfinite(out)) unusual = 1; break; \
    case 39: out = value_log_sigmoid(x); if (!isfinite(out)) unusual = 1; break; \
    case 40: out = value_relu(x); break; \
    case 41: out = value_leaky_relu(x, y); break; \
    case 42: out = value_elu(x, y); if (!isfinite(out)) unusual = 1; break; \
    case 43: out = value_silu(x); if (!isfinite(out)) unusual = 1; break; \
    case 44: out = value_maximum(x, y); break; \
    case 45: out = value_minimum(x, y); break; \
    case 46: out = value_where(x, y, z); break; \
    case 47: out = value_clip(x, y, z); break; \
    case 48: out = value_hypot(x, y); if (!isfinite(out)) unusual = 1; break; \
    case 49: out = value_logaddexp(x, y); if (!isfinite(out)) unusual = 1; break; \
    case 50: out = value_erf(x); break; \
    case 51: out = value_erfc(x); break; \
    case 52: out = value_gelu(x); if (!isfinite(out)) unusual = 1; break;

#define SHARES \
    case 0: \
        gradients[step->a] += total * slope_add_x(out, x, y); \
        gradients[step->b] += total * slope_add_y(out, x, y); \
        break; \
    case 1: \
        gradients[step->a] += total * slope_sub_x(out, x, y); \
        gradients[step->b] += total * slope_sub_y(out, x, y); \
        break; \
    case 2: \
        gradients[step->a] += total * slope_mul_x(out, x, y); \
        gradients[step->b] += total * slope_mul_y(out, x, y); \
        break; \
    case 3: \
        gradients[step->a] += total * slope_div_x(out, x, y); \
        gradients[step->b] += total * slope_div_y(out, x, y); \
        break; \
    case 4: \
        gradients[step->a] += total * slope_pow_x(out, x, y); \
        gradients[step->b] += total * slope_pow_y(out, x, y); \
        break; \
    case 5: \
        gradients[step->a] += total * slope_neg_x(out, x); \
        break; \
    case 6: \
        gradients[step->a] += total * slope_positive_x(out, x); \
        break; \
    case 7: \
        gradients[step->a] += total * slope_exp_x(out, x); \
        break; \
    case 8: \
        gradients[step->a] += total * slope_expm1_x(out, x); \
        break; \
    case 9: \
        gradients[step->a] += total * slope_log_x(out, x); \
        break; \
    case 10: \
        gradients[step->a] += total * slope_log1p_x(out, x); \
        break; \
    case 11: \
        gradients[step->a] += total * slope_log2_x(out, x); \
        break; \
    case 12: \
        gradients[step->a] += total * slope_log10_x(out, x); \
        break; \
    case 13: \
        gradients[step->a] += total * slope_sqrt_x(out, x); \
        break; \
    case 14: \
        gradients[step->a] += total * slope_square_x(out, x); \
        break; \
    case 15: \
        gradients[step->a] += total * slope_reciprocal_x(out, x); \
        break; \
    case 16: \
        gradients[step->a] += total * slope_sin_x(out, x); \
        break; \
    case 17: \
        gradients[step->a] += total * slope_cos_x(out, x); \
        break; \
    case 18: \
        gradients[step->a] += total * slope_tan_x(out, x); \
        break; \
    case 19: \
        gradients[step->a] += total * slope_arcsin_x(out, x); \
        break; \
    case 20: \
        gradients[step->a] += total * slope_arccos_x(out, x); \
        break; \
    case 21: \
        gradients[step->a] += total * slope_arctan_x(out, x); \
        break; \
    case 22: \
        gradients[step->a] += total * slope_arctan2_x(out, x, y); \
        gradients[step->b] += total * slope_arctan2_y(out, x, y); \
        break; \
    case 23: \
        gradients[step->a] += total * slope_sinh_x(out, x); \
        break; \
    case 24: \
        gradients[step->a] += total * slope_cosh_x(out, x); \
        break; \
    case 25: \
        gradients[step->a] += total * slope_tanh_x(out, x); \
        break; \
    case 26: \
        gradients[step->a] += total * slope_arcsinh_x(out, x); \
        break; \
    case 27: \
        gradients[step->a] += total * slope_arccosh_x(out, x); \
        break; \
    case 28: \
        gradients[step->a] += total * slope_arctanh_x(out, x); \
        break; \
    case 29: \
        gradients[step->a] += total * slope_abs_x(out, x); \
        break; \
    case 30: \
        gradients[step->a] += total * slope_sign_x(out, x); \
        break; \
    case 31: \
        gradients[step->a] += total * slope_floor_x(out, x); \
        break; \
    case 32: \
        gradients[step->a] += total * slope_ceil_x(out, x); \
        break; \
    case 33: \
        gradients[step->a] += total * slope_trunc_x(out, x); \
        break; \
    case 34: \
        gradients[step->a] += total * slope_rint_x(out, x); \
        break; \
    case 35: \
        gradients[step->a] += total * slope_mod_x(out, x, y); \
        gradients[step->b] += total * slope_mod_y(out, x, y); \
        break; \
    case 36: \
        gradients[step->a] += total * slope_floor_divide_x(out, x, y); \
        gradients[step->b] += total * slope_floor_divide_y(out, x, y); \
        break; \
    case 37: \
        gradients[step->a] += total * slope_sigmoid_x(out, x); \
        break; \
    case 38: \
        gradients[step->a] += total * slope_softplus_x(out, x); \
        break; \
    case 39: \
        gradients[step->a] += total * slope_log_sigmoid_x(out, x); \
        break; \
    case 40: \
        gradients[step->a] += total * slope_relu_x(out, x); \
        break; \
    case 41: \
        gradients[step->a] += total * slope_leaky_relu_x(out, x, y); \
        gradients[step->b] += total * slope_leaky_relu_slope(out, x, y); \
        break; \
    case 42: \
        gradients[step->a] += total * slope_elu_x(out, x, y); \
        gradients[step->b] += total * slope_elu_alpha(out, x, y); \
        break; \
    case 43: \
        gradients[step->a] += total * slope_silu_x(out, x); \
        break; \
    case 44: \
        gradients[step->a] += total * slope_maximum_x(out, x, y); \
        gradients[step->b] += total * slope_maximum_y(out, x, y); \
        break; \
    case 45: \
        gradients[step->a] += total * slope_minimum_x(out, x, y); \
        gradients[step->b] += total * slope_minimum_y(out, x, y); \
        break; \
    case 46: \
        gradients[step->b] += total * slope_where_x(out, x, y, z); \
        gradients[step->c] += total * slope_where_y(out, x, y, z); \
        break; \
    case 47: \
        gradients[step->a] += total * slope_clip_x(out, x, y, z); \
        gradients[step->b] += total * slope_clip_low(out, x, y, z); \
        gradients[step->c] += total * slope_clip_high(out, x, y, z); \
        break; \
    case 48: \
        gradients[step->a] += total * slope_hypot_x(out, x, y); \
        gradients[step->b] += total * slope_hypot_y(out, x, y); \
        break; \
    case 49: \
        gradients[step->a] += total * slope_logaddexp_x(out, x, y); \
        gradients[step->b] += total * slope_logaddexp_y(out, x, y); \
        break; \
    case 50: \
        gradients[step->a] += total * slope_erf_x(out, x); \
        break; \
    case 51: \
        gradients[step->a] += total * slope_erfc_x(out, x); \
        break; \
    case 52: \
        gradients[step->a] += total * slope_gelu_x(out, x); \
        break;

/* The same for several numbers at once, which stand side by side in each place. */
#define LANES \
    case 0: EACH out[l] = value_add(x[l], y[l]); break; \
    case 1: EACH out[l] = value_sub(x[l], y[l]); break; \
    case 2: EACH out[l] = value_mul(x[l], y[l]); break; \
    case 3: EACH out[l] = value_div(x[l], y[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 4: EACH out[l] = value_pow(x[l], y[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 5: EACH out[l] = value_neg(x[l]); break; \
    case 6: EACH out[l] = value_positive(x[l]); break; \
    case 7: EACH out[l] = value_exp(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 8: EACH out[l] = value_expm1(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 9: EACH out[l] = value_log(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 10: EACH out[l] = value_log1p(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 11: EACH out[l] = value_log2(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 12: EACH out[l] = value_log10(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 13: EACH out[l] = value_sqrt(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 14: EACH out[l] = value_square(x[l]); break; \
    case 15: EACH out[l] = value_reciprocal(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 16: EACH out[l] = value_sin(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 17: EACH out[l] = value_cos(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 18: EACH out[l] = value_tan(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 19: EACH out[l] = value_arcsin(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 20: EACH out[l] = value_arccos(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 21: EACH out[l] = value_arctan(x[l]); break; \
    case 22: EACH out[l] = value_arctan2(x[l], y[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 23: EACH out[l] = value_sinh(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 24: EACH out[l] = value_cosh(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 25: EACH out[l] = value_tanh(x[l]); break; \
    case 26: EACH out[l] = value_arcsinh(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 27: EACH out[l] = value_arccosh(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 28: EACH out[l] = value_arctanh(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 29: EACH out[l] = value_abs(x[l]); break; \
    case 30: EACH out[l] = value_sign(x[l]); break; \
    case 31: EACH out[l] = value_floor(x[l]); break; \
    case 32: EACH out[l] = value_ceil(x[l]); break; \
    case 33: EACH out[l] = value_trunc(x[l]); break; \
    case 34: EACH out[l] = value_rint(x[l]); break; \
    case 35: EACH out[l] = value_mod(x[l], y[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 36: EACH out[l] = value_floor_divide(x[l], y[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 37: EACH out[l] = value_sigmoid(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 38: EACH out[l] = value_softplus(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 39: EACH out[l] = value_log_sigmoid(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 40: EACH out[l] = value_relu(x[l]); break; \
    case 41: EACH out[l] = value_leaky_relu(x[l], y[l]); break; \
    case 42: EACH out[l] = value_elu(x[l], y[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 43: EACH out[l] = value_silu(x[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 44: EACH out[l] = value_maximum(x[l], y[l]); break; \
    case 45: EACH out[l] = value_minimum(x[l], y[l]); break; \
    case 46: EACH out[l] = value_where(x[l], y[l], z[l]); break; \
    case 47: EACH out[l] = value_clip(x[l], y[l], z[l]); break; \
    case 48: EACH out[l] = value_hypot(x[l], y[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 49: EACH out[l] = value_logaddexp(x[l], y[l]); EACH unusual |= !isfinite(out[l]); break; \
    case 50: EACH out[l] = value_erf(x[l]); break; \
    case 51: EACH out[l] = value_erfc(x[l]); break; \
    case 52: EACH out[l] = value_gelu(x[l]); EACH unusual |= !isfinite(out[l]); break;

#define SHARES_OF_LANES \
    case 0: \
        SHARE(step->a, slope_add_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_add_y(out[l], x[l], y[l])) \
        break; \
    case 1: \
        SHARE(step->a, slope_sub_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_sub_y(out[l], x[l], y[l])) \
        break; \
    case 2: \
        SHARE(step->a, slope_mul_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_mul_y(out[l], x[l], y[l])) \
        break; \
    case 3: \
        SHARE(step->a, slope_div_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_div_y(out[l], x[l], y[l])) \
        break; \
    case 4: \
        SHARE(step->a, slope_pow_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_pow_y(out[l], x[l], y[l])) \
        break; \
    case 5: \
        SHARE(step->a, slope_neg_x(out[l], x[l])) \
        break; \
    case 6: \
        SHARE(step->a, slope_positive_x(out[l], x[l])) \
        break; \
    case 7: \
        SHARE(step->a, slope_exp_x(out[l], x[l])) \
        break; \
    case 8: \
        SHARE(step->a, slope_expm1_x(out[l], x[l])) \
        break; \
    case 9: \
        SHARE(step->a, slope_log_x(out[l], x[l])) \
        break; \
    case 10: \
        SHARE(step->a, slope_log1p_x(out[l], x[l])) \
        break; \
    case 11: \
        SHARE(step->a, slope_log2_x(out[l], x[l])) \
        break; \
    case 12: \
        SHARE(step->a, slope_log10_x(out[l], x[l])) \
        break; \
    case 13: \
        SHARE(step->a, slope_sqrt_x(out[l], x[l])) \
        break; \
    case 14: \
        SHARE(step->a, slope_square_x(out[l], x[l])) \
        break; \
    case 15: \
        SHARE(step->a, slope_reciprocal_x(out[l], x[l])) \
        break; \
    case 16: \
        SHARE(step->a, slope_sin_x(out[l], x[l])) \
        break; \
    case 17: \
        SHARE(step->a, slope_cos_x(out[l], x[l])) \
        break; \
    case 18: \
        SHARE(step->a, slope_tan_x(out[l], x[l])) \
        break; \
    case 19: \
        SHARE(step->a, slope_arcsin_x(out[l], x[l])) \
        break; \
    case 20: \
        SHARE(step->a, slope_arccos_x(out[l], x[l])) \
        break; \
    case 21: \
        SHARE(step->a, slope_arctan_x(out[l], x[l])) \
        break; \
    case 22: \
        SHARE(step->a, slope_arctan2_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_arctan2_y(out[l], x[l], y[l])) \
        break; \
    case 23: \
        SHARE(step->a, slope_sinh_x(out[l], x[l])) \
        break; \
    case 24: \
        SHARE(step->a, slope_cosh_x(out[l], x[l])) \
        break; \
    case 25: \
        SHARE(step->a, slope_tanh_x(out[l], x[l])) \
        break; \
    case 26: \
        SHARE(step->a, slope_arcsinh_x(out[l], x[l])) \
        break; \
    case 27: \
        SHARE(step->a, slope_arccosh_x(out[l], x[l])) \
        break; \
    case 28: \
        SHARE(step->a, slope_arctanh_x(out[l], x[l])) \
        break; \
    case 29: \
        SHARE(step->a, slope_abs_x(out[l], x[l])) \
        break; \
    case 30: \
        SHARE(step->a, slope_sign_x(out[l], x[l])) \
        break; \
    case 31: \
        SHARE(step->a, slope_floor_x(out[l], x[l])) \
        break; \
    case 32: \
        SHARE(step->a, slope_ceil_x(out[l], x[l])) \
        break; \
    case 33: \
        SHARE(step->a, slope_trunc_x(out[l], x[l])) \
        break; \
    case 34: \
        SHARE(step->a, slope_rint_x(out[l], x[l])) \
        break; \
    case 35: \
        SHARE(step->a, slope_mod_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_mod_y(out[l], x[l], y[l])) \
        break; \
    case 36: \
        SHARE(step->a, slope_floor_divide_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_floor_divide_y(out[l], x[l], y[l])) \
        break; \
    case 37: \
        SHARE(step->a, slope_sigmoid_x(out[l], x[l])) \
        break; \
    case 38: \
        SHARE(step->a, slope_softplus_x(out[l], x[l])) \
        break; \
    case 39: \
        SHARE(step->a, slope_log_sigmoid_x(out[l], x[l])) \
        break; \
    case 40: \
        SHARE(step->a, slope_relu_x(out[l], x[l])) \
        break; \
    case 41: \
        SHARE(step->a, slope_leaky_relu_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_leaky_relu_slope(out[l], x[l], y[l])) \
        break; \
    case 42: \
        SHARE(step->a, slope_elu_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_elu_alpha(out[l], x[l], y[l])) \
        break; \
    case 43: \
        SHARE(step->a, slope_silu_x(out[l], x[l])) \
        break; \
    case 44: \
        SHARE(step->a, slope_maximum_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_maximum_y(out[l], x[l], y[l])) \
        break; \
    case 45: \
        SHARE(step->a, slope_minimum_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_minimum_y(out[l], x[l], y[l])) \
        break; \
    case 46: \
        SHARE(step->b, slope_where_x(out[l], x[l], y[l], z[l])) \
        SHARE(step->c, slope_where_y(out[l], x[l], y[l], z[l])) \
        break; \
    case 47: \
        SHARE(step->a, slope_clip_x(out[l], x[l], y[l], z[l])) \
        SHARE(step->b, slope_clip_low(out[l], x[l], y[l], z[l])) \
        SHARE(step->c, slope_clip_high(out[l], x[l], y[l], z[l])) \
        break; \
    case 48: \
        SHARE(step->a, slope_hypot_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_hypot_y(out[l], x[l], y[l])) \
        break; \
    case 49: \
        SHARE(step->a, slope_logaddexp_x(out[l], x[l], y[l])) \
        SHARE(step->b, slope_logaddexp_y(out[l], x[l], y[l])) \
        break; \
    case 50: \
        SHARE(step->a, slope_erf_x(out[l], x[l])) \
        break; \
    case 51: \
        SHARE(step->a, slope_erfc_x(out[l], x[l])) \
        break; \
    case 52: \
        SHARE(step->a, slope_gelu_x(out[l], x[l])) \
        break;
