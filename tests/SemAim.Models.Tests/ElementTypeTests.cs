using System.Runtime.InteropServices;
using SemAim.Dsl;
using SemAim.Generators.Ir;
using TorchSharp;
using static SemAim.Dsl.Ops;
using static TorchSharp.torch;

namespace SemAim.Models.Tests;

/// <summary>What the table of operations says of the types of elements is what the specification does: what is accepted runs and gives the type that is said, what is refused fails, unless the language alone refuses it.</summary>
public sealed class ElementTypeTests
{
    private static readonly ElementType[] Types = [ElementType.Float, ElementType.Int64, ElementType.Bool];

    private static readonly (OpKind Kind, string Method, int Operands, Func<Sym[], Sym> Run)[] Operations =
    [
        (OpKind.Linear, "", 1, x => new Linear(3, 3).Forward(x[0])),
        (OpKind.LayerNorm, "", 1, x => new LayerNorm(3).Forward(x[0])),
        (OpKind.Conv2d, "", 1, x => new Conv2d(1, 2, kernel: 1, stride: 1).Forward(x[0].Rearrange("B T -> B 1 T 1"))),
        (OpKind.Softmax, "", 1, x => x[0].Softmax("B [T]")),
        (OpKind.Normalize, "", 1, x => x[0].Normalize("B [T]")),
        (OpKind.DropPath, "", 1, x => x[0].DropPath(0.5)),
        (OpKind.Einsum, "", 2, x => Einsum("B T, B T -> B", x)),
        (OpKind.Attend, "", 3, x => Attend(Heads(x[0]), Heads(x[1]), Heads(x[2]))),
        (OpKind.Unary, "gelu", 1, x => x[0].Gelu()),
        (OpKind.Unary, "silu", 1, x => x[0].Silu()),
        (OpKind.Unary, "quickgelu", 1, x => x[0].QuickGelu()),
        (OpKind.Unary, "relu", 1, x => x[0].Relu()),
        (OpKind.Unary, "abs", 1, x => x[0].Abs()),
        (OpKind.Unary, "neg", 1, x => -x[0]),
        (OpKind.Unary, "tanh", 1, x => x[0].Tanh()),
        (OpKind.Unary, "sigmoid", 1, x => x[0].Sigmoid()),
        (OpKind.Unary, "exp", 1, x => x[0].Exp()),
        (OpKind.Unary, "log", 1, x => x[0].Log()),
        (OpKind.Unary, "sqrt", 1, x => x[0].Sqrt()),
        (OpKind.Scalar, "+", 1, x => x[0] + 2),
        (OpKind.Scalar, "-", 1, x => x[0] - 2),
        (OpKind.Scalar, "*", 1, x => x[0] * 2),
        (OpKind.Scalar, "/", 1, x => x[0] / 2),
        (OpKind.Scalar, "r-", 1, x => 2 - x[0]),
        (OpKind.Scalar, "r/", 1, x => 2 / x[0]),
        (OpKind.Scalar, "pow", 1, x => x[0].Pow(2)),
        (OpKind.Binary, "+", 2, x => x[0] + x[1]),
        (OpKind.Binary, "-", 2, x => x[0] - x[1]),
        (OpKind.Binary, "*", 2, x => x[0] * x[1]),
        (OpKind.Binary, "/", 2, x => x[0] / x[1]),
        (OpKind.Compare, "<", 2, x => x[0] < x[1]),
        (OpKind.Compare, "<=", 2, x => x[0] <= x[1]),
        (OpKind.Compare, ">", 2, x => x[0] > x[1]),
        (OpKind.Compare, ">=", 1, x => x[0] >= 1),
        (OpKind.Where, "", 3, x => Where(x[0], x[1], x[2])),
        (OpKind.Reduce, "mean", 1, x => x[0].Mean("B [T]")),
        (OpKind.Reduce, "var", 1, x => x[0].Var("B [T]")),
        (OpKind.Reduce, "sum", 1, x => x[0].Sum("B [T]")),
        (OpKind.Reduce, "max", 1, x => x[0].Max("B [T]")),
        (OpKind.Reduce, "min", 1, x => x[0].Min("B [T]")),
        (OpKind.Reduce, "argmax", 1, x => x[0].ArgMax("B [T]")),
        (OpKind.Reshape, "", 1, x => x[0].Rearrange("B T -> (B T)")),
        (OpKind.Permute, "", 1, x => x[0].Rearrange("B T -> T B")),
        (OpKind.Expand, "", 1, x => x[0].Rearrange("B T -> B 1 T").Expand("B 1 T -> B Four T", Four)),
        (OpKind.Select, "", 1, x => x[0]["B [0]"]),
        (OpKind.Narrow, "", 1, x => x[0]["B [1..]"]),
        (OpKind.Detach, "", 1, x => x[0].Detach()),
        (OpKind.Concat, "", 2, x => Concat("B [T]", x)),
        (OpKind.Gather, "", 2, x => x[0].Gather("B [T]", x[1])),
        (OpKind.Sort, "", 1, x => x[0].Sort("B [T]")),
        (OpKind.MaskUpTo, "", 1, x => Attend(Tokens, Tokens, Tokens, OrderMask.UpTo(x[0]))),
        (OpKind.MaskBefore, "", 1, x => Attend(Tokens, Tokens, Tokens, OrderMask.Before(x[0]))),
    ];

    // made by passes, or without an operand that has a type
    private static readonly OpKind[] NotWritten = [OpKind.Weight, OpKind.Call, OpKind.Unbind, OpKind.MaskCausal, OpKind.SortOrder, OpKind.InverseOrder, OpKind.Reorder, OpKind.Lower, OpKind.Raise, OpKind.Cut, OpKind.Repeat, OpKind.If];

    // the library would take these: numbers are asked for so that a mean, a product or a power of indices is no accident
    private static readonly (OpKind Kind, string Method)[] ByRule = [(OpKind.Einsum, ""), (OpKind.DropPath, ""), (OpKind.Scalar, "pow"), (OpKind.Unary, "quickgelu"), (OpKind.Unary, "silu")];

    private const int Four = 4;

    public static TheoryData<string> Names => [.. Operations.Select(o => $"{o.Kind} {o.Method}".TrimEnd())];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_table_says_what_an_operation_takes_and_gives(string name)
    {
        using var scope = NewDisposeScope();
        using var guard = no_grad();
        var (kind, method, operands, run) = Operations.Single(o => $"{o.Kind} {o.Method}".TrimEnd() == name);
        var row = OpTable.Elements(kind, method);
        foreach (var given in Combinations(operands))
        {
            var isAccepted = given.Select((t, i) => (row.At(i) & ElementDemand.Set(t)) != 0).All(fits => fits);
            var what = $"{name} of {string.Join(", ", given)}";
            try
            {
                var got = run([.. given.Select(Value)]).Value.dtype;
                Assert.True(isAccepted || ByRule.Contains((kind, method)), $"{what} is refused, but runs");
                if (isAccepted && row.Gives != ElementResult.Mask) Assert.True(Expected(row, given) == Type(got), $"{what} gives {got}");
            }
            catch (Exception e) when (e is ExternalException or ArgumentException)
            {
                Assert.False(isAccepted, $"{what} is accepted, but fails: {e.Message.Split('\n')[0]}");
            }
        }
    }

    [Fact]
    public void Every_operation_that_can_be_written_is_tried()
    {
        foreach (var kind in Enum.GetValues<OpKind>().Except(NotWritten))
            foreach (var method in OpTable.ElementMethods[kind].DefaultIfEmpty(""))
                Assert.Contains(Operations, o => o.Kind == kind && o.Method == method);
    }

    private static IEnumerable<ElementType[]> Combinations(int operands)
        => operands == 0 ? [[]] : Combinations(operands - 1).SelectMany(front => Types.Select(t => (ElementType[])[.. front, t]));

    private static ElementType Expected(ElementRow row, ElementType[] given)
    {
        var widest = given.Where((_, i) => i >= row.Of.First && i <= row.Of.Last).DefaultIfEmpty().Min();
        return row.Gives switch
        {
            ElementResult.Float => ElementType.Float,
            ElementResult.Bool => ElementType.Bool,
            ElementResult.Position => ElementType.Int64,
            ElementResult.Counted when widest == ElementType.Bool => ElementType.Int64,
            _ => widest,
        };
    }

    private static ElementType Type(ScalarType type) => type switch { ScalarType.Int64 => ElementType.Int64, ScalarType.Bool => ElementType.Bool, _ => ElementType.Float };

    // zeros and ones, so that they are indices too
    private static Sym Value(ElementType type)
        => Sym.Of(tensor(new float[,] { { 0, 1, 1 }, { 1, 0, 1 } }).to(type switch { ElementType.Int64 => int64, ElementType.Bool => @bool, _ => float32 }), Run.Eval);

    private static Sym Tokens => Sym.Of(ones(2, 1, 4, 2), Run.Eval);

    private static Sym Heads(Sym x) => x.Rearrange("B T -> B 1 T 1");
}
