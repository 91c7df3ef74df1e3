using SemAim.Generators.Ir;

namespace SemAim.Generators.Tests;

/// <summary>The table of operations has a row for each kind, and the rows agree with each other.</summary>
public sealed class OpTableTests
{
    public static TheoryData<OpKind> Kinds => [.. Enum.GetValues<OpKind>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_kind_has_a_row(OpKind kind) => Assert.True(Enum.IsDefined(OpTable.Of(kind).Reach));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Every_kind_has_a_row_of_element_types(OpKind kind)
    {
        var methods = OpTable.ElementMethods[kind].ToList();
        if (methods.Count == 0) Assert.NotEmpty(OpTable.Elements(kind, "").Takes);
        // a method that nobody thought of must not be taken for another
        else Assert.Throws<ArgumentOutOfRangeException>(() => OpTable.Elements(kind, ""));
    }

    [Fact]
    public void What_draws_is_neither_removed_nor_shared_nor_taken_out_of_a_loop()
    {
        foreach (var kind in Enum.GetValues<OpKind>().Where(k => OpTable.Of(k).Draws))
        {
            Assert.False(Rewriting.IsPure(new Op(kind, 0)));
            Assert.False(OpTable.Of(kind).IsSmall);
        }
    }

    [Theory]
    [InlineData(OpKind.Unary, 0, true)]
    [InlineData(OpKind.Linear, 1, true)]
    [InlineData(OpKind.Linear, 2, false)]
    [InlineData(OpKind.LayerNorm, 2, false)]
    [InlineData(OpKind.Softmax, 1, false)]
    [InlineData(OpKind.Softmax, 2, true)]
    [InlineData(OpKind.Concat, 1, false)]
    [InlineData(OpKind.DropPath, 0, false)]
    [InlineData(OpKind.DropPath, 1, true)]
    [InlineData(OpKind.Attend, 1, false)]
    public void A_row_says_which_axes_an_operation_leaves_apart(OpKind kind, int axis, bool apart) => Assert.Equal(apart, OpTable.Of(kind).KeepsApart(axis, 3, along: 1));
}
