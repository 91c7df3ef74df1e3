namespace SemAim.Dsl;

/// <summary>A tensor that is saved with the module and never trained.</summary>
public sealed class Constant(ReadOnlySpan<int> shape, Init init) : Weight(Filled(shape, init));
